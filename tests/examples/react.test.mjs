// The example for React, with Clerk's scripts among its own files.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { build } from "esbuild";
import { example, launch, newPage, reserve, serve, servePages } from "./support.mjs";

test("the example for React signs in and deletes the account", async (t) => {
  const place = await reserve();
  const server = await serve({ frontEnd: place.origin });
  t.after(() => server.stop());
  const { outputFiles } = await build({
    entryPoints: [path.join(import.meta.dirname, "samples/react.tsx")],
    nodePaths: [path.join(example, "node_modules")],
    bundle: true,
    write: false,
    format: "esm",
    jsx: "automatic",
    define: {
      "process.env.NODE_ENV": '"production"',
      settings: JSON.stringify({
        publishableKey: server.env.NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY,
        proxyUrl: server.env.NEXT_PUBLIC_CLERK_PROXY_URL,
        uri: `${server.url}/graphql`,
      }),
    },
  });
  const [{ text: script }] = outputFiles;

  const browser = await launch();
  t.after(() => browser.close());
  const html = '<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>React</title><div id="root"></div><script type="module" src="/main.js"></script>';
  const pages = await servePages(place, (where) => {
    const [, name, file] = where.match(/^\/(clerk-js|ui)\/([^/]+\.js)$/) ?? [];
    if (name) return ["application/javascript", fs.readFileSync(path.join(example, "node_modules/@clerk", name, "dist", file))];
    return where === "/main.js" ? ["application/javascript", script] : ["text/html", html];
  });
  t.after(() => pages.stop());
  const page = await newPage(browser, [place.origin, server.url]);

  await page.goto(`${place.origin}/`);
  await page.getByLabel("Email address").fill("ada@example.com");
  await page.getByRole("button", { name: "Continue", exact: true }).click();
  await page.getByLabel(/verification code/i).first().click();
  await page.keyboard.type("424242");
  await page.getByRole("heading", { name: "Ada Lovelace" }).waitFor();
  const token = await page.evaluate(() => window.Clerk.session.getToken());
  await page.getByRole("button", { name: "Delete my account" }).click();
  await page.getByLabel("Email address").waitFor();
  const { status } = await fetch(`${server.url}/graphql?query={me{id}}`, { headers: { authorization: `Bearer ${token}` } });
  assert.equal(status, 401);
  page.check({ mayComplainOf: /401/ });
});
