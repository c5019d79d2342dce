// What the example is written like, and that the tests would notice what they promise to notice.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { example, launch, newPage, reserve, servePages } from "./support.mjs";

const npm = (script) => spawnSync("npm", ["run", script], { cwd: example, encoding: "utf8" });

test("nothing in the sources of the example knows of development mode", () => {
  const listed = execFileSync("git", ["ls-files", "-z", "src", "*.ts", "*.mjs", ".env"], { cwd: example, encoding: "utf8" });
  const files = listed.split("\0").filter((file) => file && !file.startsWith("scripts/"));
  assert.ok(files.includes("src/proxy.ts") && files.length > 20, files.join(", "));
  for (const file of files) {
    const text = fs.readFileSync(path.join(example, file), "utf8");
    assert.doesNotMatch(text, /\/dev\/|stand-?in|development mode|mission-control dev|424242|sk_test_|pk_test_|ada@|grace@/i, file);
  }
});

test("the linter and the strict types have nothing to say", () => {
  const { compilerOptions } = JSON.parse(fs.readFileSync(path.join(example, "tsconfig.json"), "utf8"));
  assert.equal(compilerOptions.strict && compilerOptions.noUncheckedIndexedAccess && compilerOptions.exactOptionalPropertyTypes, true);
  for (const script of ["codegen", "types", "lint"]) {
    const { status, stdout, stderr } = npm(script);
    assert.equal(status, 0, `${script}: ${stdout}${stderr}`);
  }
});

test("a request to another host and a complaint in the console fail a test", async (t) => {
  const place = await reserve();
  const elsewhere = await reserve();
  const html = (image) => `<!doctype html><link rel="icon" href="data:,"><title>A page</title>${image}`;
  const pages = await servePages(place, (where) => ["text/html", html(where === "/" ? "" : `<img src="${elsewhere.origin}/">`)]);
  t.after(() => pages.stop());
  const browser = await launch();
  t.after(() => browser.close());
  const page = await newPage(browser, [place.origin]);
  await page.goto(`${place.origin}/`);
  page.check();
  await page.goto(`${place.origin}/asks-elsewhere`);
  assert.throws(() => page.check({ mayComplainOf: /./ }), (error) => error.message.startsWith("asked another host") && error.actual[0].startsWith(elsewhere.origin));
  const another = await newPage(browser, [place.origin, elsewhere.origin]);
  await another.goto(`${place.origin}/asks-elsewhere`);
  assert.throws(() => another.check(), /ERR_CONNECTION_REFUSED/);
});
