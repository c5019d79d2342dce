// The server in clerk mode against a Clerk that nobody here wrote. It differs from the real one in
// known ways (tokens of one hour, version 1 claims, seconds for milliseconds, error codes in capitals,
// deletions answered as `deleted_object`); the server copes without being told.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startClerk } from "./support/clerk.mjs";
import { send, startServer } from "./support/server.mjs";

let clerk;
let server;
before(async () => {
  clerk = await startClerk();
  server = await startServer({ command: "serve", settings: { ...clerk.settings, CLERK_ISSUER: clerk.issuer } });
});
after(async () => {
  await server?.stop();
  await clerk?.stop();
});

const ADA = { first_name: "Ada", last_name: "Lovelace", email_address: ["Ada@Example.com"] };
const ME = "{ me { id clerkUserId email name activeOrganization { name } memberships { nodes { role organization { name } } } } }";
const DELETE = "mutation($input: DeleteUserInput) { deleteUser(input: $input) { deletedUserId clerkDeletion } }";

const isRefused = (answer, message) => {
  assert.equal(answer.status, 401, message);
  assert.equal(answer.data, undefined, message);
  assert.equal(answer.errors[0].extensions.code, "UNAUTHENTICATED", message);
};

test("from sign-up to deletion", async () => {
  const person = await clerk.createUser(ADA);
  const token = await (await clerk.signIn(person.id))();

  const bootstrap = await send(server, "mutation { bootstrap { created user { id clerkUserId } } }", { token });
  assert.deepEqual(bootstrap.errors, undefined);
  assert.equal(bootstrap.data.bootstrap.created, true);
  const { id } = bootstrap.data.bootstrap.user;

  // The token says neither e-mail nor name, as Clerk's do by default: they were asked for.
  const me = await send(server, ME, { token });
  assert.deepEqual(me.data.me, {
    id,
    clerkUserId: person.id,
    email: "ada@example.com",
    name: "Ada Lovelace",
    activeOrganization: { name: "Personal" },
    memberships: { nodes: [{ role: "OWNER", organization: { name: "Personal" } }] },
  });

  const rename = "mutation($input: UpdateProfileInput!) { updateProfile(input: $input) { user { timezone pronouns } userErrors { code } } }";
  const renamed = await send(server, rename, { token, variables: { input: { timezone: "europe/london", pronouns: "she/her" } } });
  assert.deepEqual(renamed.data.updateProfile, {
    user: { timezone: "Europe/London", pronouns: "she/her" },
    userErrors: [],
  });

  const deleted = await send(server, DELETE, { token });
  assert.deepEqual(deleted.data, { deleteUser: { deletedUserId: id, clerkDeletion: "DELETED" } });
  assert.equal((await clerk.call("GET", `users/${person.id}`)).status, 404);
  // The token would live for another hour.
  isRefused(await send(server, ME, { token }), "after the deletion");
  isRefused(await send(server, "mutation { bootstrap { created } }", { token }), "bootstrap");
  const rest = await fetch(`${server.url}/api/v1/users/me`, { headers: { authorization: `Bearer ${token}` } });
  assert.deepEqual([rest.status, await rest.json()], [401, { detail: "Not authenticated" }]);
});

test("the curl line of the product text works as written", async () => {
  const person = await clerk.createUser(ADA);
  const token = await (await clerk.signIn(person.id))();
  const reply = await fetch(`${server.url}/api/v1/auth/bootstrap`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
  });
  const { id, ...profile } = await reply.json();
  assert.equal(reply.status, 200);
  assert.match(id, /^[0-9a-f-]{36}$/);
  assert.deepEqual(profile, {
    clerk_user_id: person.id,
    email: "ada@example.com",
    name: "Ada Lovelace",
    preferred_name: null,
    pronouns: null,
    timezone: null,
    notes: null,
    context: null,
    is_super_admin: false,
  });
});

test("twenty first requests at once make one user", async () => {
  const person = await clerk.createUser(ADA);
  const mint = await clerk.signIn(person.id);
  const tokens = await Promise.all(Array.from({ length: 20 }, mint));
  const answers = await Promise.all(tokens.map((token) => send(server, ME, { token })));
  assert.deepEqual(answers.flatMap(({ errors = [] }) => errors), []);
  assert.equal(new Set(answers.map(({ data }) => data.me.id)).size, 1);
});

test("a person without e-mail and name is served all the same", async () => {
  const person = await clerk.createUser({ username: "enigma" });
  const { data } = await send(server, ME, { token: await (await clerk.signIn(person.id))() });
  assert.deepEqual([data.me.email, data.me.name], [null, "enigma"]);
});

test("an organization in the token grants nothing by itself", async () => {
  const person = await clerk.createUser(ADA);
  const { body: organization } = await clerk.call("POST", "organizations", { name: "Acme", created_by: person.id });
  await clerk.call("POST", `organizations/${organization.id}/memberships`, { user_id: person.id, role: "org:admin" });
  const token = await (await clerk.signIn(person.id))();
  const claims = JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
  assert.equal(claims.org_id, organization.id, "the stand-in puts version 1 claims into its tokens");
  const { data } = await send(server, ME, { token });
  assert.equal(data.me.activeOrganization.name, "Personal");
  assert.equal(data.me.memberships.nodes.length, 1);
});

test("somebody who was deleted at Clerk before the first request is not created", async () => {
  const person = await clerk.createUser(ADA);
  const token = await (await clerk.signIn(person.id))();
  await clerk.call("DELETE", `users/${person.id}`);
  isRefused(await send(server, ME, { token }), "unknown at Clerk");
});

test("deleting an account whose user at Clerk is gone succeeds", async () => {
  const person = await clerk.createUser(ADA);
  const token = await (await clerk.signIn(person.id))();
  await send(server, ME, { token });
  await clerk.call("DELETE", `users/${person.id}`);
  const { data } = await send(server, DELETE, { token });
  assert.equal(data.deleteUser.clerkDeletion, "ALREADY_ABSENT");
  isRefused(await send(server, ME, { token }), "after the deletion");
});

test("tokens of another issuer, another key and another audience are refused", async () => {
  const person = await clerk.createUser(ADA);
  const token = await (await clerk.signIn(person.id))();
  const other = await startClerk();
  try {
    const stranger = await other.createUser(ADA);
    isRefused(await send(server, ME, { token: await (await other.signIn(stranger.id))() }), "another instance");
  } finally {
    await other.stop();
  }
  const strict = await startServer({
    command: "serve",
    settings: { ...clerk.settings, CLERK_ISSUER: "https://clerk.example.com" },
  });
  try {
    isRefused(await send(strict, ME, { token }), "another issuer");
  } finally {
    await strict.stop();
  }
  const [header, payload, signature] = token.split(".");
  const claims = JSON.parse(Buffer.from(payload, "base64url"));
  const forged = Buffer.from(JSON.stringify({ ...claims, sub: "user_other" })).toString("base64url");
  isRefused(await send(server, ME, { token: `${header}.${forged}.${signature}` }), "a forged payload");
});

test("an account whose user is kept at Clerk starts anew with a later session", async () => {
  const lenient = await startServer({ command: "serve", settings: { ...clerk.settings, CLERK_LEEWAY: "0" } });
  try {
    const person = await clerk.createUser(ADA);
    const mint = await clerk.signIn(person.id);
    const token = await mint();
    const first = await send(lenient, ME, { token });
    const deleted = await send(lenient, DELETE, { token, variables: { input: { deleteFromClerk: false } } });
    assert.equal(deleted.data.deleteUser.clerkDeletion, "KEPT");
    assert.equal((await clerk.call("GET", `users/${person.id}`)).status, 200);
    isRefused(await send(lenient, ME, { token }), "the token that asked");

    // Tokens count whole seconds, so one of the second of the deletion is refused as well.
    const later = await clerk.signIn(person.id);
    const deadline = Date.now() + 10_000;
    let again;
    do {
      await sleep(100);
      again = await send(lenient, ME, { token: await later() });
    } while (again.status === 401 && Date.now() < deadline);
    assert.equal(again.status, 200);
    assert.notEqual(again.data.me.id, first.data.me.id);
    isRefused(await send(lenient, ME, { token: await mint() }), "the session that asked");
  } finally {
    await lenient.stop();
  }
});

test("with Clerk gone, known users are served, and a deletion waits without losing anything", async () => {
  const fleeting = await startClerk();
  const orphan = await startServer({ command: "serve", settings: fleeting.settings });
  try {
    const person = await fleeting.createUser(ADA);
    const newcomer = await fleeting.createUser({ first_name: "Grace" });
    const [token, fresh] = await Promise.all([person, newcomer].map(async ({ id }) => (await fleeting.signIn(id))()));
    const { data: before } = await send(orphan, ME, { token });
    await fleeting.stop();

    const refused = await send(orphan, DELETE, { token });
    assert.equal(refused.status, 200);
    assert.equal(refused.errors[0].extensions.code, "IDENTITY_PROVIDER_UNAVAILABLE");
    assert.deepEqual((await send(orphan, ME, { token })).data, before);
    const { data } = await send(orphan, ME, { token: fresh });
    assert.deepEqual([data.me.clerkUserId, data.me.name], [newcomer.id, null]);
    assert.equal((await fetch(`${orphan.url}/readyz`)).status, 200);
  } finally {
    await orphan.stop();
    await fleeting.stop();
  }
});
