// GraphQL over HTTP, as the authors of `graphql-http` audit it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { serverAudits } from "graphql-http";
import { startServer } from "./support/server.mjs";

let server;
before(async () => (server = await startServer()));
after(() => server?.stop());

test("all 61 audits of graphql-http pass, recommendations included", async () => {
  const audits = serverAudits({ url: server.graphqlUrl });
  assert.equal(audits.length, 61);
  const failures = [];
  for (const audit of audits) {
    const result = await audit.fn();
    if (result.status !== "ok") failures.push(`${result.status} ${audit.id} ${audit.name}: ${result.reason}`);
    await result.response?.body?.cancel().catch(() => {});
  }
  assert.deepEqual(failures, []);
});
