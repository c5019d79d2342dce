// Starts the product and its peers one after the other on the same database, holds their answers against each
// other, loads each in turns, and prints a table; SVG names a file for the picture.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import crypto from "node:crypto";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { draw } from "./picture.mjs";

const root = path.join(import.meta.dirname, "../..");
const binary = path.resolve(process.env.BINARY ?? path.join(root, "target/dist/mission-control"));
const rounds = Number(process.env.ROUNDS ?? 3);
const seconds = Number(process.env.DURATION ?? 4);
const connections = Number(process.env.CONNECTIONS ?? 16);
const callers = 500;
const key = (name) => fs.readFileSync(path.join(root, "tests/keys", name), "utf8");
const query =
  "{ me { id email name displayName memberships { nodes { id role organization { id name } } } } }";
const body = JSON.stringify({ query });
const work = fs.mkdtempSync(path.join(os.tmpdir(), "mission-control-peers-"));
process.on("exit", () => fs.rmSync(work, { recursive: true, force: true }));

function token(user) {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    sub: `user_${user}`, sid: `sess_${user}`, iss: "https://clerk.example.com", v: 2, sts: "active",
    iat: now, nbf: now - 10, exp: now + 7200, email: `user${user}@example.com`, name: "Sample Person",
  };
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const message = [{ alg: "RS256", cat: "cl_B7d4PD111AAA", kid: "ins_peers", typ: "JWT" }, claims]
    .map(encode).join(".");
  return `${message}.${crypto.createSign("RSA-SHA256").update(message).sign(key("test-rsa.pem"), "base64url")}`;
}

const tokens = Array.from({ length: callers }, (_, user) => token(user));
const requests = path.join(work, "requests");
fs.writeFileSync(requests, [body, ...tokens].join("\n"));

function freePort() {
  return new Promise((resolve) => {
    const probe = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

async function ask(port, user) {
  const response = await fetch(`http://127.0.0.1:${port}/graphql`, {
    method: "POST", body,
    headers: { "content-type": "application/json", authorization: `Bearer ${tokens[user]}` },
  });
  return response.json();
}

/** Starts a server and waits for its first answer. */
async function start(name, command, settings) {
  const port = await freePort();
  const [program, ...rest] = command(port);
  const child = spawn(program, rest, {
    cwd: work, env: { PATH: process.env.PATH, NODE_ENV: "production", ...settings(port) },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let complaint = "";
  child.stderr.on("data", (data) => { complaint = (complaint + data).slice(-2000); });
  for (let attempt = 0; ; attempt += 1) {
    const answer = await ask(port, 0).catch(() => null);
    if (answer?.data?.me) return { name, port, child };
    if (attempt > 400 || child.exitCode !== null) throw new Error(`${name} does not start: ${complaint}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** Processor time of a process so far, in microseconds. */
function cpu(pid) {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

const memory = (pid) =>
  Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024;

function load(server, time) {
  const before = cpu(server.child.pid);
  const output = execFileSync("wrk", [
    "-t1", `-c${connections}`, `-d${time}s`, "-s", path.join(import.meta.dirname, "load.lua"),
    `http://127.0.0.1:${server.port}`, "--", requests,
  ], { encoding: "utf8" });
  const [count, micros, errors, p50, p99] = /RESULT (.*)/.exec(output)[1].split(" ").map(Number);
  assert.equal(errors, 0, `${server.name}: ${output}`);
  return {
    rate: (count / micros) * 1e6, cpu: (cpu(server.child.pid) - before) / count, p50: p50 / 1000, p99: p99 / 1000,
    memory: memory(server.child.pid),
  };
}

const middle = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];

async function compare(database, url) {
  const product = await start(
    "Mission Control",
    () => [binary, "serve"],
    (port) => ({
      PORT: String(port), AUTH_MODE: "clerk", CLERK_JWT_KEY: key("test-rsa.pub.pem"), DATABASE_URL: url,
      LOG_LEVEL: "warn", DRAIN_DELAY: "0",
    }),
  );
  const servers = [product];
  // Their first requests make the users, each with an organization.
  const answers = [];
  for (let user = 0; user < callers; user += 1) answers.push(await ask(product.port, user));
  for (const [kind, name] of [["apollo", "Apollo Server"], ["yoga", "GraphQL Yoga"], ["mercurius", "Mercurius"]]) {
    const script = path.join(import.meta.dirname, "server.mjs");
    servers.push(await start(name, (port) => [process.execPath, script, kind, String(port), url], () => ({})));
  }
  try {
    for (const server of servers) {
      for (let user = 0; user < callers; user += 25) {
        assert.deepEqual(await ask(server.port, user), answers[user], `${server.name} answers differently`);
      }
      load(server, 2);
    }
    const figures = new Map(servers.map((server) => [server, []]));
    // In turns, so that a busy moment of the machine hits all of them.
    for (let round = 0; round < rounds; round += 1) {
      for (const server of servers) figures.get(server).push(load(server, seconds));
    }
    return servers.map((server) => {
      const of = (what) => middle(figures.get(server).map((figure) => figure[what]));
      return {
        database, name: server.name, rate: of("rate"), cpu: of("cpu"), p50: of("p50"), p99: of("p99"), memory: of("memory"),
      };
    });
  } finally {
    for (const { child } of servers) child.kill("SIGKILL");
  }
}

const rows = [...(await compare("SQLite", `sqlite:${path.join(work, "peers.db")}`))];
if (process.env.TEST_POSTGRES_URL) rows.push(...(await compare("PostgreSQL", process.env.TEST_POSTGRES_URL)));

console.log(`\`me\` with memberships and organizations, ${connections} connections, ${os.cpus().length} processors\n`);
console.log("| | requests/s | against ours | CPU us/request | p50, p99 ms | memory MiB |");
console.log("| --- | ---: | ---: | ---: | ---: | ---: |");
for (const row of rows) {
  const ours = rows.find((other) => other.database === row.database);
  const times = row === ours ? "" : `1/${(ours.rate / row.rate).toFixed(1)}`;
  console.log(
    `| ${row.name}, ${row.database} | ${row.rate.toFixed(0)} | ${times} | ${row.cpu.toFixed(0)} ` +
    `| ${row.p50.toFixed(1)}, ${row.p99.toFixed(1)} | ${row.memory.toFixed(0)} |`,
  );
}
if (process.env.SVG) fs.writeFileSync(process.env.SVG, draw(rows));
