// The real binary, started by a test: each server has a directory and a port of its own and is
// stopped however the test ends.

import { execFile, spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { access, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

/** The root of the repository. */
export const repository = resolve(import.meta.dirname, "../../..");

/** The program under test. */
export const binary = resolve(process.env.MISSION_CONTROL ?? join(repository, "target/debug/mission-control"));
const running = new Set();
const directories = new Set();

// A test that is interrupted must leave nothing behind.
process.on("exit", () => {
  running.forEach((child) => child.kill("SIGKILL"));
  directories.forEach((path) => rmSync(path, { recursive: true, force: true }));
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.once(signal, () => process.exit(1));
}

/** A new directory, and how to remove it. */
export async function temporaryDirectory() {
  const path = await mkdtemp(join(tmpdir(), "mission-control-clients."));
  directories.add(path);
  const remove = async () => {
    await rm(path, { recursive: true, force: true });
    directories.delete(path);
  };
  return { path, remove };
}

/** A port that nobody listens on. */
export function freePort() {
  return new Promise((found, failed) => {
    const probe = createServer().once("error", failed);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => found(port));
    });
  });
}

/**
 * Starts a program and waits until `ready` answers a request with success. The returned `stop` ends it
 * with SIGTERM and answers its exit code.
 */
export async function startProgram(file, args, { cwd, env, ready }) {
  const child = spawn(file, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => (output += text));
  }
  const ended = new Promise((resolve) => {
    child.once("error", (error) => resolve(error));
    child.once("exit", (code, signal) => resolve(code ?? signal));
  }).finally(() => running.delete(child));
  let outcome;
  ended.then((value) => (outcome = value));

  const stop = async () => {
    child.kill("SIGTERM");
    const isLate = await Promise.race([ended.then(() => false), sleep(15_000, true, { ref: false })]);
    if (isLate) {
      child.kill("SIGKILL");
      throw new Error(`${file} did not stop within 15 seconds:\n${output}`);
    }
    return ended;
  };
  const deadline = Date.now() + 30_000;
  for (;;) {
    if (outcome !== undefined) throw new Error(`${file} ended (${outcome}):\n${output}`);
    const isReady = await fetch(ready).then((reply) => reply.ok, () => false);
    if (isReady) return { stop, output: () => output };
    if (Date.now() > deadline) {
      await stop();
      throw new Error(`${file} is not ready:\n${output}`);
    }
    await sleep(50);
  }
}

/**
 * Starts `mission-control`: `dev` without settings, or `serve` with `settings`. Nothing of the
 * environment of the tests reaches it.
 */
export async function startServer({ command = "dev", settings = {} } = {}) {
  await access(binary).catch(() => {
    throw new Error(`${binary} does not exist; run cargo build, or set MISSION_CONTROL`);
  });
  const directory = await temporaryDirectory();
  const port = await freePort();
  const env = { PATH: process.env.PATH, PORT: String(port), LOG_LEVEL: "info", ...settings };
  const url = `http://127.0.0.1:${port}`;
  const program = await startProgram(binary, [command], {
    cwd: directory.path,
    env,
    ready: `${url}/readyz`,
  }).catch(async (error) => {
    await directory.remove();
    throw error;
  });
  return {
    url,
    graphqlUrl: `${url}/graphql`,
    /** What it has said so far. */
    output: program.output,
    /** Its working directory. */
    directory: directory.path,
    /** Runs a line of shell in that directory and with its settings, as somebody at the terminal would. */
    async shell(line) {
      const { stdout } = await promisify(execFile)("bash", ["-euc", line], { cwd: directory.path, env });
      return stdout;
    },
    /** Mints a development session token, as the banner of `dev` says. */
    async token(...args) {
      const { stdout } = await promisify(execFile)(binary, ["token", ...args], { cwd: directory.path, env });
      return stdout.trim();
    },
    /** Stops it; a server that does not end well fails the test. */
    async stop() {
      const code = await program.stop().finally(directory.remove);
      if (code !== 0) throw new Error(`mission-control ended with ${code}:\n${program.output()}`);
    },
  };
}

/** Sends one operation without any client library; answers status, headers and body. */
export async function send(server, query, { token, variables, accept } = {}) {
  const reply = await fetch(server.graphqlUrl, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: accept ?? "application/graphql-response+json",
      ...(token && { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({ query, variables }),
  });
  return { status: reply.status, headers: reply.headers, ...(await reply.json()) };
}

/** `fetch` that writes down what was sent and what came back, for assertions about the wire. */
export function recordingFetch() {
  const requests = [];
  const record = async (input, init = {}) => {
    const request = new Request(input, init);
    const entry = {
      method: request.method,
      url: new URL(request.url),
      accept: request.headers.get("accept"),
      body: init.body ? JSON.parse(init.body) : undefined,
    };
    requests.push(entry);
    const reply = await fetch(input, init);
    entry.status = reply.status;
    entry.type = reply.headers.get("content-type");
    return reply;
  };
  return { fetch: record, requests };
}
