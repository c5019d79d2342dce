// The first minute with the example: a copy as a clone has it, one command, and somebody is signed in. How long it
// took is printed: with npm's packages in its cache and two cores it is to be less than a minute.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { CHATTER, binary, enterCode, isIsolated, launch, newPage, root, start } from "./support.mjs";

/** Seconds until somebody gives up, on a machine that does other things too. */
const PATIENCE = 180;

const APPLICATION = "http://localhost:3000";
const API = "http://localhost:8000";

test("one command leads to the signed-in page", async (t) => {
  // Its ports are the usual ones, which may be taken where there is no network of one's own.
  if (!isIsolated() && (await fetch(API).then(() => true, () => false))) return t.skip("port 8000 is taken");
  const clone = fs.mkdtempSync(path.join(os.tmpdir(), "mission-control-clone-"));
  const files = execFileSync("git", ["ls-files", "-z", "examples/nextjs", "schema.graphql"], { cwd: root, encoding: "utf8" });
  for (const file of files.split("\0").filter(Boolean)) {
    fs.mkdirSync(path.join(clone, path.dirname(file)), { recursive: true });
    fs.copyFileSync(path.join(root, file), path.join(clone, file));
  }
  const directory = path.join(clone, "examples/nextjs");

  const browser = await launch();
  t.after(() => browser.close());
  const page = await newPage(browser, [APPLICATION, API]);
  const began = Date.now();
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, XDG_CONFIG_HOME: clone, MISSION_CONTROL: binary };
  const both = await start(process.execPath, ["scripts/both.mjs"], { cwd: directory, env }, APPLICATION, PATIENCE);
  t.after(async () => {
    await both.stop();
    assert.doesNotMatch(both.output(), /telemetry/i, "Next.js would report to its makers");
    fs.rmSync(clone, { recursive: true, force: true, maxRetries: 5 });
  });
  // While it is developed, a page is built when it is asked for first.
  page.context().setDefaultTimeout(PATIENCE * 1000);
  await page.goto(`${APPLICATION}/boards`);
  await page.getByLabel("Email address").fill("ada@example.com");
  await page.getByRole("button", { name: "Continue", exact: true }).click();
  await enterCode(page);
  await page.getByRole("heading", { name: "Hello, Ada Lovelace" }).waitFor();
  console.log(`signed in after ${((Date.now() - began) / 1000).toFixed(1)} s, packages installed`);
  page.check({ mayComplainOf: CHATTER });
  // The four lines, and nothing else.
  const written = fs.readFileSync(path.join(directory, ".env.local"), "utf8");
  assert.equal(written, execFileSync(binary, ["dev", "--env"], { env, encoding: "utf8" }));
});
