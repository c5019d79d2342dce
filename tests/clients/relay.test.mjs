// Relay: its compiler accepts the schema's connections, nodes and ids, and its runtime gets along
// with the answers.

import assert from "node:assert/strict";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import relay from "relay-runtime";
import { repository, startServer } from "./support/server.mjs";
import { workspace } from "./support/tools.mjs";

const { Environment, Network, RecordSource, Store, commitMutation, createOperationDescriptor, fetchQuery, getRequest } = relay;

let server;
let directory;
before(async () => {
  server = await startServer();
  directory = await workspace(join(import.meta.dirname, "samples/relay"));
  await copyFile(join(repository, "schema.graphql"), join(directory.path, "schema.graphql"));
  await mkdir(join(directory.path, "generated"));
  const config = {
    src: ".",
    schema: "schema.graphql",
    language: "typescript",
    artifactDirectory: "./generated",
    customScalarTypes: { DateTime: "string" },
    eagerEsModules: true,
    excludes: ["**/node_modules/**", "**/generated/**"],
  };
  await writeFile(join(directory.path, "relay.config.json"), JSON.stringify(config));
  const { code, output } = await directory.tool("relay-compiler", "relay.config.json");
  assert.equal(code, 0, output);
  const compilerOptions = {
    strict: true,
    target: "es2022",
    module: "esnext",
    moduleResolution: "bundler",
    skipLibCheck: true,
    outDir: "compiled",
    rootDir: "generated",
    types: [],
  };
  await writeFile(join(directory.path, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["generated"] }));
  const { output: complaints } = await directory.tool("tsc", "-p", ".");
  // Relay publishes no types of its own; nothing else may be missing.
  const other = complaints.split("\n").filter((line) => line.includes("error") && !line.includes("'relay-runtime'"));
  assert.deepEqual(other, []);
});
after(async () => {
  await server?.stop();
  await directory?.remove();
});

const artifact = async (name) => (await import(join(directory.path, `compiled/${name}.graphql.js`))).default;

function connect(token) {
  const fetchOperation = async ({ text }, variables) => {
    const reply = await fetch(server.graphqlUrl, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
      body: JSON.stringify({ query: text, variables }),
    });
    return reply.json();
  };
  return new Environment({ network: Network.create(fetchOperation), store: new Store(new RecordSource()) });
}

const mutate = (environment, mutation, variables) =>
  new Promise((onCompleted, onError) => commitMutation(environment, { mutation, variables, onCompleted, onError }));

test("the compiler leaves types for what it was given", async () => {
  const types = await readFile(join(directory.path, "generated/accountNodeQuery.graphql.ts"), "utf8");
  assert.match(types, /export type OrganizationRole = "ADMIN" \| "MEMBER" \| "OWNER"/);
});

test("a connection is loaded page by page through node(id:)", async () => {
  const environment = connect(await server.token("--user", "grace"));
  const [query, page, node] = await Promise.all(
    ["accountQuery", "accountMembershipsPageQuery", "accountNodeQuery"].map(artifact),
  );
  const { me } = await fetchQuery(environment, query, { count: 1 }).toPromise();
  const records = () => environment.getStore().getSource();
  const connection = () => records().get(`client:${me.id}:__account_memberships_connection`);
  const info = () => records().get(connection().pageInfo.__ref);
  assert.equal(connection().edges.__refs.length, 1);
  assert.equal(info().hasNextPage, true);
  environment.retain(createOperationDescriptor(getRequest(query), { count: 1 }));
  await fetchQuery(environment, page, { id: me.id, count: 1, cursor: info().endCursor }).toPromise();
  assert.equal(connection().edges.__refs.length, 2);
  assert.equal(info().hasNextPage, false);

  const edge = records().get(connection().edges.__refs[0]);
  const membership = records().get(edge.node.__ref);
  const { node: organization } = await fetchQuery(environment, node, { id: membership.organization.__ref }).toPromise();
  assert.equal(organization.__typename, "Organization");
});

test("a mutation updates the record, and a deletion removes it", async () => {
  const environment = connect(await server.token("--user", "alan"));
  const [query, rename, remove] = await Promise.all(
    ["accountQuery", "accountRenameMutation", "accountDeleteMutation"].map(artifact),
  );
  const { me } = await fetchQuery(environment, query, { count: 10 }).toPromise();
  const record = (id) => environment.getStore().getSource().get(id);
  const organizations = environment.getStore().getSource().getRecordIDs().filter((id) => record(id)?.__typename === "Organization");
  assert.equal(organizations.length, 1);
  await mutate(environment, rename, { input: { preferredName: "Turing" } });
  assert.equal(record(me.id).displayName, "Turing");
  await mutate(environment, remove, {});
  assert.equal(record(me.id), null);
  assert.equal(record(organizations[0]), null);
});
