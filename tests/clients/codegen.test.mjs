// GraphQL Code Generator's client preset: what it makes of the running server type-checks.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { startServer } from "./support/server.mjs";
import { run, workspace } from "./support/tools.mjs";

let server;
let directory;
before(async () => {
  server = await startServer();
  directory = await workspace(join(import.meta.dirname, "samples/codegen"));
});
after(async () => {
  await server?.stop();
  await directory?.remove();
});

test("the client preset reads the running server, and its types fit the operations", async () => {
  const program = join(directory.path, "node_modules/.bin/graphql-codegen");
  const generated = await run(process.execPath, [program, "--config", "codegen.mjs"], directory.path, { SCHEMA: server.graphqlUrl });
  assert.equal(generated.code, 0, generated.output);
  const compilerOptions = {
    strict: true,
    noEmit: true,
    target: "es2022",
    module: "nodenext",
    lib: ["es2022", "dom"],
    noUncheckedIndexedAccess: true,
    skipLibCheck: true,
    types: [],
  };
  await writeFile(join(directory.path, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["operations.ts"] }));
  const { code, output } = await directory.tool("tsc", "-p", ".");
  assert.equal(code, 0, output);
});
