// Starts the API in development mode and this application beside it. The first time it installs the packages
// and writes .env.local; one that is there already is left alone.

import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

const root = path.join(import.meta.dirname, "..");
const built = ["release", "debug"].map((profile) => path.join(root, "../../target", profile, "mission-control"));
const server = process.env.MISSION_CONTROL ?? built.find((file) => existsSync(file)) ?? "mission-control";

const { status, stdout, stderr, error } = spawnSync(server, ["dev", "--env"], { encoding: "utf8" });
if (error || status !== 0) {
  console.error(error ? `${server} cannot be run (${error.message}).` : stderr);
  console.error("Build it with cargo build, or name it: MISSION_CONTROL=/path/to/mission-control npm run both");
  process.exit(1);
}
if (!existsSync(path.join(root, "node_modules"))) {
  const installed = spawnSync("npm", ["ci", "--no-fund", "--no-audit"], { cwd: root, stdio: "inherit" });
  if (installed.status !== 0) process.exit(1);
}
const settings = path.join(root, ".env.local");
if (!existsSync(settings)) {
  writeFileSync(settings, stdout);
  console.log("wrote .env.local");
} else if (!readFileSync(settings, "utf8").includes(stdout.split("\n")[0])) {
  console.error(".env.local has keys of another Clerk application: run npm run dev, beside a server with the same keys.");
  process.exit(1);
}

// What `npm run dev` does, but without npm and a shell in between, which keep signals to themselves.
const prepared = spawnSync("npm", ["run", "predev"], { cwd: root, stdio: "inherit" });
if (prepared.status !== 0) process.exit(1);
// Next.js reads this before it reads .env.
const env = { ...process.env, NEXT_TELEMETRY_DISABLED: "1" };
const next = path.join(root, "node_modules/next/dist/bin/next");
const children = [
  spawn(server, ["dev"], { cwd: root, stdio: "inherit" }),
  spawn(process.execPath, [next, "dev"], { cwd: root, env, stdio: "inherit" }),
];
const stop = () => children.forEach((child) => child.kill("SIGTERM"));
for (const child of children) {
  // Neither is of use without the other.
  child.once("exit", (code) => {
    process.exitCode ??= code ?? 1;
    stop();
  });
}
process.once("SIGINT", stop);
process.once("SIGTERM", stop);
