// Clerk's own SDK takes the tokens of development mode for what they imitate, so a front end or a
// second backend can be tried with them too.

import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createClerkClient, verifyToken } from "@clerk/backend";
import { startServer } from "./support/server.mjs";

let server;
let jwtKey;
before(async () => {
  server = await startServer();
  const key = await readFile(join(server.directory, "data/development-key.pem"));
  jwtKey = createPublicKey(key).export({ type: "spki", format: "pem" });
});
after(() => server?.stop());

test("a request with a development token is a signed-in one", async () => {
  const sdk = createClerkClient({
    secretKey: "sk_test_sample",
    publishableKey: `pk_test_${btoa("clerk.example.com$")}`,
    jwtKey,
    telemetry: { disabled: true },
  });
  const authenticate = async (...options) => {
    const headers = { authorization: `Bearer ${await server.token(...options)}` };
    return sdk.authenticateRequest(new Request("http://localhost:3000/", { headers }));
  };
  const state = await authenticate("--user", "grace");
  assert.equal(state.isAuthenticated, true, state.reason);
  const { userId, sessionId, orgId, orgSlug, orgRole, tokenType } = state.toAuth();
  assert.match(sessionId, /^sess_/);
  assert.deepEqual(
    { userId, orgId, orgSlug, orgRole, tokenType },
    { userId: "user_dev_grace", orgId: "org_dev_acme", orgSlug: "acme", orgRole: "org:admin", tokenType: "session_token" },
  );
  assert.equal((await authenticate("--expired")).isAuthenticated, false);
});

test("the claims are those of a session token", async () => {
  const claims = await verifyToken(await server.token("--no-email"), { jwtKey });
  assert.equal(claims.sub, "user_dev_ada");
  assert.equal(claims.exp - claims.iat, 60);
  assert.equal(claims.email, undefined);
});
