// What the settings of the example do, NEXT_PUBLIC_ and all, as `next dev` reads them.

import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { CHATTER, enterCode, example, launch, newPage, reserve, serve, start } from "./support.mjs";

const TOKEN = "3f9c1d07a5b84e62c0d9f7a1b3e5c7d9e1f2a4b6c8d0e2f4a6b8c0d2e4f6a8b0";

/** The example while it is developed. */
async function develop(t, { port, origin }, server, settings) {
  const next = path.join(example, "node_modules/next/dist/bin/next");
  const env = {
    PATH: process.env.PATH, HOME: process.env.HOME, NEXT_TELEMETRY_DISABLED: "1",
    NEXT_PUBLIC_API_URL: `${server.url}/graphql`, ...server.env, ...settings,
  };
  const running = await start(process.execPath, [next, "dev", "--port", String(port)], { cwd: example, env }, `${origin}/`, 60);
  t.after(() => running.stop());
}

async function visit(t, place, server) {
  const browser = await launch();
  t.after(() => browser.close());
  const page = await newPage(browser, [place.origin, server.url]);
  // A page is built when it is asked for first.
  page.context().setDefaultTimeout(60_000);
  return page;
}

test("NEXT_PUBLIC_AUTH_MODE=local asks for the shared token, and nothing of Clerk is there", async (t) => {
  const place = await reserve();
  const settings = { AUTH_MODE: "local", LOCAL_AUTH_TOKEN: TOKEN };
  const server = await serve({ frontEnd: place.origin, command: "serve", settings });
  t.after(() => server.stop());
  await develop(t, place, server, { NEXT_PUBLIC_AUTH_MODE: "local", NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY: "", CLERK_SECRET_KEY: "" });
  const page = await visit(t, place, server);
  const asked = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await page.goto(`${place.origin}/boards`);
  await page.getByLabel("Token").fill("wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  // The server refuses it, so the page asks again.
  await page.getByLabel("Token").waitFor();
  await page.getByLabel("Token").fill(TOKEN);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Hello, Local User" }).waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("Token").waitFor();
  // It is kept nowhere.
  const kept = await page.evaluate(() => JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }]));
  assert.ok(!kept.includes(TOKEN), kept);
  assert.deepEqual(asked.filter((where) => where.includes("clerk.browser")), []);
  page.check({ mayComplainOf: new RegExp(`${CHATTER.source}|401`) });
});

test("where people land after sign-in and sign-out is what the settings say", async (t) => {
  const place = await reserve();
  const server = await serve({ frontEnd: place.origin });
  t.after(() => server.stop());
  await develop(t, place, server, {
    NEXT_PUBLIC_CLERK_SIGN_IN_FALLBACK_REDIRECT_URL: "/settings",
    NEXT_PUBLIC_CLERK_AFTER_SIGN_OUT_URL: "/?signed-out",
  });
  const page = await visit(t, place, server);
  await page.goto(`${place.origin}/sign-in`);
  await page.getByLabel("Email address").fill("ada@example.com");
  await page.getByRole("button", { name: "Continue", exact: true }).click();
  await enterCode(page);
  await page.waitForURL(`${place.origin}/settings`);
  await page.getByText("Signed in as Ada Lovelace").waitFor();
  await page.getByRole("button", { name: "Open user menu" }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(`${place.origin}/?signed-out`);
  page.check({ mayComplainOf: CHATTER });
});
