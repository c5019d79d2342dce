// A server of any mode in a directory of its own, and pages that note what they should not do.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createSign } from "node:crypto";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { chromium } from "playwright-core";

const root = path.join(import.meta.dirname, "..", "..");

/** The binaries under test: with GraphiQL inside, and without. */
export const EMBEDDED = required("MISSION_CONTROL_EMBEDDED");
export const PLAIN = required("MISSION_CONTROL_PLAIN");

export const LOCAL_TOKEN = "3f9c1d07a5b84e62c0d9f7a1b3e5c7d9e1f2a4b6c8d0e2f4a6b8c0d2e4f6a8b0";

function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run tests/browser/run`);
  return value;
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Starts a server; `settings` is its whole environment. Stops it after the test. */
export async function serve(test, binary, command, settings = {}) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "mission-control-page-"));
  const port = await freePort();
  const child = spawn(binary, [command], {
    cwd: directory,
    env: { PATH: process.env.PATH, PORT: String(port), ...settings },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data) => {
      output += data;
    });
  }
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const server = {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      child.kill("SIGKILL");
      await ended;
    },
  };
  test.after(async () => {
    await server.stop();
    fs.rmSync(directory, { recursive: true, force: true });
  });
  for (let attempt = 0; ; attempt += 1) {
    const isReady = await fetch(`${server.url}/readyz`).then((response) => response.ok, () => false);
    if (isReady) return server;
    if (attempt > 200 || child.exitCode !== null) throw new Error(`the server does not start:\n${output}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Clerk mode without a network: tokens are verified with a key that the tests can sign with. */
export const CLERK_SETTINGS = {
  AUTH_MODE: "clerk",
  CLERK_JWT_KEY: fs.readFileSync(path.join(root, "tests/keys/test-rsa.pub.pem"), "utf8"),
};

/** The publishable key of an instance at `host`. */
export function publishableKey(host) {
  return `pk_test_${Buffer.from(`${host}$`).toString("base64").replace(/=+$/, "")}`;
}

/** A session token as Clerk issues it. */
export function sessionToken(claims = {}) {
  const now = Math.floor(Date.now() / 1000);
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const message = [
    { alg: "RS256", cat: "cl_B7d4PD111AAA", kid: "ins_2SampleTest", typ: "JWT" },
    {
      sub: "user_page", sid: "sess_page", iss: "https://clerk.example.com", v: 2, sts: "active", fva: [0, -1],
      iat: now, nbf: now - 10, exp: now + 60, email: "zoë@example.com", name: "Zoë Ångström", ...claims,
    },
  ].map(encode).join(".");
  const key = fs.readFileSync(path.join(root, "tests/keys/test-rsa.pem"));
  return `${message}.${createSign("RSA-SHA256").update(message).sign(key, "base64url")}`;
}

/** A Chromium for one file of tests. */
export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ],
  });
}

/**
 * A page in a profile of its own. It fails its test when something was written to the console as an
 * error, or when it asked a host that is neither the server nor in `hosts`.
 */
export async function newPage(test, browser, server, { hosts = [], mayComplain = false, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  const complaints = [];
  const foreign = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  context.on("request", (request) => {
    const { protocol, origin, host } = new URL(request.url());
    const isFine = protocol === "data:" || protocol === "blob:" || origin === server.url || hosts.includes(host);
    if (!isFine) foreign.push(request.url());
  });
  test.after(() => context.close());
  page.check = () => {
    assert.deepEqual(foreign, [], "asked another host");
    if (!mayComplain) assert.deepEqual(complaints, []);
  };
  return page;
}

/** Opens the page and waits until GraphiQL has read the schema. */
export async function open(page, server) {
  const schema = page.waitForResponse((response) => isOperation(response.request(), "IntrospectionQuery"));
  await page.goto(server.url);
  await page.locator(".graphiql-container").waitFor();
  await schema;
}

function isOperation(request, name) {
  return request.url().endsWith("/graphql") && (request.postData() ?? "").includes(name);
}

/** Presses the play button; answers what GraphiQL then shows. */
export async function run(page) {
  // GraphiQL takes a moment to notice that another tab or text names another operation.
  await page.waitForFunction(() => {
    const editor = document.querySelector(".graphiql-query-editor .CodeMirror").CodeMirror;
    return !editor.operationName || editor.getValue().includes(editor.operationName);
  });
  const answered = page.waitForResponse(
    (response) => response.url().endsWith("/graphql") && !isOperation(response.request(), "IntrospectionQuery"),
  );
  await page.locator(".graphiql-execute-button").click();
  const response = await answered;
  const expected = await response.json();
  await page.waitForFunction((text) => {
    const shown = document.querySelector(".result-window .CodeMirror")?.CodeMirror.getValue();
    return shown && JSON.stringify(JSON.parse(shown)) === text;
  }, JSON.stringify(expected));
  return { status: response.status(), headers: response.request().headers(), ...expected };
}

/** Replaces the query in the editor. */
export async function write(page, query) {
  await page.evaluate((text) => {
    document.querySelector(".graphiql-query-editor .CodeMirror").CodeMirror.setValue(text);
  }, query);
}

/** Answers requests to the CDN with the files from npm, as it would; `tamper` changes one of them. */
export async function standInForCdn(page, { tamper = () => null } = {}) {
  const asked = [];
  await page.route("https://cdn.jsdelivr.net/**", async (route) => {
    const { pathname } = new URL(route.request().url());
    asked.push(pathname);
    const file = pathname.replace("/npm/", "");
    const body = tamper(file) ?? fs.readFileSync(path.join(root, "ui/dist", file));
    await route.fulfill({
      body,
      contentType: file.endsWith(".css") ? "text/css" : "application/javascript",
      headers: { "access-control-allow-origin": "*" },
    });
  });
  return asked;
}
