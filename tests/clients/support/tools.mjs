// Command-line tools of the ecosystem, run in a directory of their own that sees this package's modules.

import { execFile } from "node:child_process";
import { cp, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryDirectory } from "./server.mjs";

const modules = join(import.meta.dirname, "../node_modules");

/** A directory with copies of `sources`, which tools may write to. */
export async function workspace(...sources) {
  const directory = await temporaryDirectory();
  await symlink(modules, join(directory.path, "node_modules"));
  for (const source of sources) await cp(source, directory.path, { recursive: true });
  await writeFile(join(directory.path, "package.json"), JSON.stringify({ type: "module" }));
  const tool = (name, ...args) => run(process.execPath, [join(modules, ".bin", name), ...args], directory.path);
  return { ...directory, tool };
}

/** Runs a program to its end; answers its exit code and all it printed. */
export function run(file, args, cwd, env = {}) {
  const options = { cwd, env: { ...process.env, NO_COLOR: "1", ...env }, maxBuffer: 1 << 26 };
  return new Promise((resolve) => {
    execFile(file, args, options, (error, stdout, stderr) => {
      resolve({ code: error ? (error.code ?? 1) : 0, output: stdout + stderr });
    });
  });
}
