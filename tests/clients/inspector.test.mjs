// GraphQL Inspector: the running server says of itself what `schema.graphql` says, operations validate
// against it, and nothing that clients of the last release use has been taken away.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { buildClientSchema, buildSchema, getIntrospectionQuery, lexicographicSortSchema, printSchema } from "graphql";
import { repository, send, startServer } from "./support/server.mjs";
import { run, workspace } from "./support/tools.mjs";

const schemaFile = join(repository, "schema.graphql");

let server;
let directory;
before(async () => {
  server = await startServer();
  directory = await workspace(join(import.meta.dirname, "samples/inspector"));
});
after(async () => {
  await server?.stop();
  await directory?.remove();
});

const inspect = (...args) => directory.tool("graphql-inspector", ...args);

test("the running server introspects as schema.graphql", async () => {
  // With everything that clients may ask for; some servers refuse the newer parts.
  const everything = getIntrospectionQuery({
    directiveIsRepeatable: true,
    inputValueDeprecation: true,
    oneOf: true,
    schemaDescription: true,
    specifiedByUrl: true,
  });
  const { data } = await send(server, everything);
  // A text of the framework's own, about introspection as such; the file has none.
  data.__schema.description = null;
  const print = (schema) => printSchema(lexicographicSortSchema(schema)).split("\n");
  assert.deepEqual(print(buildClientSchema(data)), print(buildSchema(await readFile(schemaFile, "utf8"))));

  const { code, output } = await inspect("introspect", server.graphqlUrl, "--write", "introspected.graphql");
  assert.equal(code, 0, output);
  const diff = await inspect("diff", schemaFile, server.graphqlUrl);
  assert.equal(diff.code, 0, diff.output);
  // It does not ask where scalars are specified; that was compared above.
  const changes = diff.output.split("\n").filter((line) => /[✖⚠✔]/.test(line) && !line.includes("specifiedBy"));
  assert.deepEqual(changes, []);
});

test("operations validate against the running server, mistaken ones do not", async () => {
  const fine = await inspect("validate", "operations.graphql", server.graphqlUrl);
  assert.equal(fine.code, 0, fine.output);
  const mistaken = await inspect("validate", "mistaken.graphql", server.graphqlUrl);
  assert.equal(mistaken.code, 1, mistaken.output);
  assert.match(mistaken.output, /Cannot query field nickname on type User/);
});

test("a change that breaks clients would be noticed", async () => {
  const schema = await readFile(schemaFile, "utf8");
  for (const [name, from, to] of [
    ["field renamed", "isViewer: Boolean!", "isMe: Boolean!"],
    ["argument made required", "input: DeleteUserInput\n", "input: DeleteUserInput!\n"],
  ]) {
    const changed = schema.replace(from, to);
    assert.notEqual(changed, schema, name);
    await writeFile(join(directory.path, "changed.graphql"), changed);
    const { code, output } = await inspect("diff", schemaFile, "changed.graphql");
    assert.equal(code, 1, `${name}: ${output}`);
  }
});

test("nothing that the last release had, or the schema before its last change, was taken away", async (t) => {
  const git = (...args) => run("git", args, repository);
  const tag = await git("describe", "--tags", "--abbrev=0");
  const log = await git("log", "-2", "--format=%H", "--", "schema.graphql");
  const [, before] = log.code === 0 ? log.output.trim().split("\n") : [];
  const states = [tag.code === 0 && tag.output.trim(), before].filter(Boolean);
  if (states.length === 0) return t.skip("there is nothing to compare with");
  for (const state of states) {
    const known = await git("show", `${state}:schema.graphql`);
    assert.equal(known.code, 0, known.output);
    await writeFile(join(directory.path, "known.graphql"), known.output);
    const { code, output } = await inspect("diff", "known.graphql", schemaFile);
    assert.equal(code, 0, `since ${state}: ${output}`);
  }
});
