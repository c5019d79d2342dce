// The Python client `gql`, in an environment of its own.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { startServer, temporaryDirectory } from "./support/server.mjs";
import { run } from "./support/tools.mjs";

const sources = join(import.meta.dirname, "python");

test("gql for Python reads the schema, queries and mutates", async (t) => {
  for (const needed of ["venv", "ensurepip"]) {
    const { code } = await run("python3", ["-c", `import ${needed}`], sources);
    if (code !== 0) return t.skip(`python3 with ${needed} is not installed`);
  }
  const directory = await temporaryDirectory();
  const server = await startServer();
  try {
    const environment = join(directory.path, "environment");
    const python = join(environment, "bin/python");
    for (const [program, args] of [
      ["python3", ["-m", "venv", environment]],
      [python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", join(sources, "requirements.txt")]],
      [python, [join(sources, "smoke.py"), server.graphqlUrl, await server.token("--ttl", "5m"), await server.token("--expired")]],
    ]) {
      const { code, output } = await run(program, args, directory.path);
      assert.equal(code, 0, output);
    }
  } finally {
    await server.stop();
    await directory.remove();
  }
});
