// A server in development mode, the example built and run against it, and pages that note what they
// should not do.

import assert from "node:assert/strict";
import { execFile, spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import http from "node:http";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

export const root = path.join(import.meta.dirname, "../..");
export const example = path.join(root, "examples/nextjs");
export const binary = process.env.MISSION_CONTROL ?? path.join(root, "target/debug/mission-control");

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

/** Starts a program and waits `patience` seconds until `url` answers; what it printed is in the error if it does not. */
export async function start(command, args, options, url, patience = 15) {
  const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data) => {
      output += data;
    });
  }
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const stop = async () => {
    child.kill("SIGTERM");
    const late = setTimeout(() => child.kill("SIGKILL"), 3000);
    await ended;
    clearTimeout(late);
  };
  for (let attempt = 0; ; attempt += 1) {
    const isReady = await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(5000) }).then((response) => response.status < 500, () => false);
    if (isReady) return { stop, output: () => output };
    if (attempt > patience * 20 || child.exitCode !== null) {
      await stop();
      throw new Error(`${command} does not start:\n${output}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** `mission-control dev` in a directory of its own, and what `dev --env` says about it. */
export async function serve({ frontEnd = "http://localhost:3000", settings = {}, command = "dev" } = {}) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "mission-control-example-"));
  const port = await freePort();
  const env = { PATH: process.env.PATH, PORT: String(port), CORS_ORIGINS: frontEnd, LOG_FORMAT: "json", ...settings };
  const url = `http://localhost:${port}`;
  const server = await start(binary, [command], { cwd: directory, env }, `http://127.0.0.1:${port}/readyz`);
  const run = async (...args) => {
    const { stdout } = await promisify(execFile)(binary, args, { cwd: directory, env });
    return stdout;
  };
  const lines = command === "dev" ? (await run("dev", "--env")).trim().split("\n") : [];
  return {
    url,
    issuer: `http://127.0.0.1:${port}/dev/clerk`,
    run,
    env: Object.fromEntries(lines.map((line) => line.split(/=(.*)/s).slice(0, 2))),
    log: () => server.output(),
    async stop() {
      await server.stop();
      fs.rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** A port and the origin of the example there, which the server has to know before it starts. */
export async function reserve() {
  const port = await freePort();
  return { port, origin: `http://localhost:${port}` };
}

/** Whether this process has no network but its own machine: `run` sees to that where it can. */
export const isIsolated = () => Object.keys(os.networkInterfaces()).every((name) => name === "lo");

/** Builds the example with these settings; answers how many seconds that took. */
export function build(settings) {
  const started = Date.now();
  const { status, stdout, stderr } = spawnSync("npm", ["run", "build"], {
    cwd: example,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, CI: "1", NODE_ENV: "production", ...settings },
    encoding: "utf8",
  });
  assert.equal(status, 0, `the example does not build:\n${stdout}\n${stderr}`);
  return Math.round((Date.now() - started) / 1000);
}

/** Runs what was built. */
export function serveExample({ port, origin }, settings) {
  const next = path.join(example, "node_modules/next/dist/bin/next");
  const env = { PATH: process.env.PATH, NODE_ENV: "production", ...settings };
  return start(process.execPath, [next, "start", "--hostname", "localhost", "--port", String(port)], { cwd: example, env }, `${origin}/`);
}

/**
 * Serves the texts that `answer` gives for a path, as [content type, body]. A real server and no intercepted
 * requests: browsers let only pages of this machine ask this machine.
 */
export function servePages({ port }, answer) {
  const server = http.createServer((request, response) => {
    const [type, body] = answer(new URL(request.url, "http://localhost").pathname);
    response.writeHead(200, { "content-type": type }).end(body);
  });
  return new Promise((resolve) => {
    server.listen(port, "localhost", () => {
      resolve({
        stop() {
          server.closeAllConnections();
          return new Promise((stopped) => server.close(stopped));
        },
      });
    });
  });
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
 * A page in a profile of its own. `check` fails when something was written to the console as an error, or
 * when a host was asked that is not in `origins`.
 */
export async function newPage(browser, origins, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1100, height: 800 }, ...options });
  context.setDefaultTimeout(15_000);
  const complaints = [];
  const foreign = [];
  const note = (text) => {
    // The SDK says on every page that its keys are those of a development instance.
    if (!text.includes("Clerk has been loaded with development keys")) complaints.push(text);
  };
  context.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) note(`${message.text()} (${message.location().url})`);
  });
  context.on("weberror", (error) => note(String(error.error())));
  context.on("request", (request) => {
    const { protocol, origin } = new URL(request.url());
    if (!["data:", "blob:"].includes(protocol) && !origins.includes(origin)) foreign.push(request.url());
  });
  const page = await context.newPage();
  /** One more page of the same browser, which `check` is about as well. */
  page.another = () => context.newPage();
  page.check = ({ mayComplainOf = /^$/ } = {}) => {
    assert.deepEqual(foreign, [], "asked another host");
    assert.deepEqual(complaints.filter((text) => !mayComplainOf.test(text)), []);
  };
  return page;
}

/** What is written to the console while an application is developed, and when it loads slowly for that. */
export const CHATTER = /\[HMR\]|\[Fast Refresh\]|React DevTools|was preloaded using link preload but not used/;

/** Types a code into Clerk's form. */
export async function enterCode(page, code = "424242") {
  await page.getByLabel(/verification code/i).first().waitFor();
  await page.getByLabel(/verification code/i).first().click();
  await page.keyboard.type(code);
}

/** Keeps a picture when a directory for pictures is given. */
export async function picture(page, name, options = {}) {
  const directory = process.env.SCREENSHOTS;
  if (directory) await page.screenshot({ path: path.join(directory, `${name}.png`), ...options });
}
