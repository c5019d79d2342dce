// What `examples/react` offers for copying: it type-checks as written, and does what it says.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gql } from "@apollo/client";
import { repository, startServer } from "./support/server.mjs";
import { workspace } from "./support/tools.mjs";

const ME = gql`{ me { id displayName } }`;

let server;
let directory;
let createApolloClient;
before(async () => {
  server = await startServer();
  directory = await workspace(join(repository, "examples/react"));
  const compilerOptions = {
    strict: true,
    target: "es2022",
    module: "esnext",
    moduleResolution: "bundler",
    jsx: "react-jsx",
    lib: ["es2022", "dom"],
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: true,
    types: [],
    rootDir: ".",
    outDir: "compiled",
  };
  const files = ["apollo-client.ts", "apollo-react.tsx"];
  await writeFile(join(directory.path, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
  const { code, output } = await directory.tool("tsc", "-p", ".");
  assert.equal(code, 0, output);
  ({ createApolloClient } = await import(join(directory.path, "compiled/apollo-client.js")));
});
after(async () => {
  await server?.stop();
  await directory?.remove();
});

/** The client of the example; `tokens` are what Clerk has cached and what it renews to. */
async function connect({ cached, renewed }) {
  const calls = [];
  let refusals = 0;
  const client = createApolloClient({
    uri: server.graphqlUrl,
    getToken: async ({ skipCache }) => {
      calls.push(skipCache);
      return skipCache ? renewed : cached;
    },
    onRefused: () => (refusals += 1),
  });
  const answer = await client.query({ query: ME }).catch((error) => ({ error }));
  return { name: answer.data?.me.displayName, message: answer.error?.message, calls, refusals };
}

test("a token that is good is used as it is", async () => {
  const cached = await server.token();
  const outcome = await connect({ cached, renewed: null });
  assert.deepEqual(outcome, { name: "Ada Lovelace", message: undefined, calls: [false], refusals: 0 });
});

test("a token that has run out is renewed once", async () => {
  const [cached, renewed] = [await server.token("--expired"), await server.token()];
  const outcome = await connect({ cached, renewed });
  assert.deepEqual(outcome, { name: "Ada Lovelace", message: undefined, calls: [false, true], refusals: 0 });
});

test("a session that stays refused is reported, once", async () => {
  for (const refused of [await server.token("--expired"), null]) {
    const outcome = await connect({ cached: refused, renewed: refused });
    assert.deepEqual(outcome, { name: undefined, message: "Not authenticated", calls: [false, true], refusals: 1 });
  }
});
