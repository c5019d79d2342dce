// Webhooks signed by Svix's own library, and judged beside Clerk's own SDK.

import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { verifyWebhook } from "@clerk/backend/webhooks";
import { Webhook as StandardWebhook } from "standardwebhooks";
import { Webhook as SvixWebhook } from "svix";
import { startClerk } from "./support/clerk.mjs";
import { send, startServer } from "./support/server.mjs";

const newSecret = () => `whsec_${randomBytes(24).toString("base64")}`;
const [secret, nextSecret, foreignSecret] = [newSecret(), newSecret(), newSecret()];

let clerk;
let server;
before(async () => {
  clerk = await startClerk();
  const settings = { ...clerk.settings, CLERK_WEBHOOK_SIGNING_SECRET: `${secret},${nextSecret}` };
  server = await startServer({ command: "serve", settings });
});
after(async () => {
  await server?.stop();
  await clerk?.stop();
});

const ME = `{
  me {
    id email name
    activeOrganization { name clerkOrganizationId }
    memberships { nodes { role organization { name clerkOrganizationId } } }
  }
}`;

/** A message as Svix sends it; `overrides` spoil it. */
function message(event, { key = secret, id = `msg_${randomUUID()}`, sentAt = new Date(), library = SvixWebhook } = {}) {
  const body = typeof event === "string" ? event : JSON.stringify({ object: "event", timestamp: Date.now(), ...event });
  const prefix = library === SvixWebhook ? "svix" : "webhook";
  return {
    body,
    headers: {
      "content-type": "application/json",
      [`${prefix}-id`]: id,
      [`${prefix}-timestamp`]: String(Math.floor(sentAt / 1000)),
      [`${prefix}-signature`]: new library(key).sign(id, sentAt, body),
    },
  };
}

const endpoint = () => `${server.url}/api/v1/webhooks/clerk`;
const deliver = async ({ body, headers }) => (await fetch(endpoint(), { method: "POST", headers, body })).status;
const deliverEvent = async (type, data, options) => assert.equal(await deliver(message({ type, data }, options)), 204, type);

const clerkAccepts = ({ body, headers }, signingSecret) =>
  verifyWebhook(new Request(endpoint(), { method: "POST", headers, body }), { signingSecret }).then(
    () => true,
    () => false,
  );

/** Somebody who has signed in here before, with a token that lives for an hour. */
async function signedIn() {
  const person = await clerk.createUser({ first_name: "Ada", last_name: "Lovelace", email_address: ["ada@example.com"] });
  const token = await (await clerk.signIn(person.id))();
  assert.equal((await send(server, ME, { token })).data.me.email, "ada@example.com");
  const me = async () => {
    const { status, data } = await send(server, ME, { token });
    return status === 200 ? data.me : status;
  };
  return { person, token, me };
}

const withEmail = (person, email, updatedAt = Date.now()) => ({
  ...person,
  updated_at: updatedAt,
  email_addresses: [{ ...person.email_addresses[0], email_address: email }],
});

test("what Svix's libraries sign is accepted, with either secret and either set of headers", async () => {
  const { person, me } = await signedIn();
  for (const [index, [library, key]] of [
    [SvixWebhook, secret],
    [SvixWebhook, nextSecret],
    [StandardWebhook, secret],
    [StandardWebhook, nextSecret],
  ].entries()) {
    const email = `ada-${index}@example.com`;
    const signed = message({ type: "user.updated", data: withEmail(person, email, Date.now() + index) }, { library, key });
    // Clerk's SDK reads the headers of one name only, those that Clerk sends.
    assert.equal(await clerkAccepts(signed, key), library === SvixWebhook, email);
    assert.equal(await deliver(signed), 204, email);
    assert.equal((await me()).email, email);
  }
});

test("what Clerk's SDK refuses is refused, and changes nothing", async () => {
  const { person, me } = await signedIn();
  const event = { type: "user.updated", data: withEmail(person, "mallory@example.com") };
  const minutes = (number) => new Date(Date.now() + number * 60_000);
  const spoilt = (change) => {
    const good = message(event);
    return { ...good, ...change(good) };
  };
  const without = (name) => ({ headers }) => {
    const { [name]: _, ...rest } = headers;
    return { headers: rest };
  };
  for (const [name, sent] of [
    ["another secret", message(event, { key: foreignSecret })],
    ["signed six minutes ago", message(event, { sentAt: minutes(-6) })],
    ["signed in six minutes", message(event, { sentAt: minutes(6) })],
    ["another body", spoilt(({ body }) => ({ body: body.replace("mallory", "malice") }))],
    ["a body written anew", spoilt(({ body }) => ({ body: JSON.stringify(JSON.parse(body), null, 2) }))],
    ["another id", spoilt(({ headers }) => ({ headers: { ...headers, "svix-id": "msg_other" } }))],
    ["no id", spoilt(without("svix-id"))],
    ["no timestamp", spoilt(without("svix-timestamp"))],
    ["no signature", spoilt(without("svix-signature"))],
    ["another version", spoilt(({ headers }) => ({ headers: { ...headers, "svix-signature": headers["svix-signature"].replace("v1,", "v2,") } }))],
  ]) {
    assert.equal(await clerkAccepts(sent, secret), false, `Clerk's SDK: ${name}`);
    assert.equal(await deliver(sent), 400, name);
  }
  assert.equal((await me()).email, "ada@example.com");
});

test("one of several signatures is enough, as while a secret is rotated", async () => {
  const { person, me } = await signedIn();
  const signed = message({ type: "user.updated", data: withEmail(person, "rotated@example.com") });
  const foreign = new SvixWebhook(foreignSecret).sign(signed.headers["svix-id"], new Date(), signed.body);
  signed.headers["svix-signature"] = `v2,bm90aGluZw== ${foreign} ${signed.headers["svix-signature"]}`;
  assert.equal(await clerkAccepts(signed, secret), true);
  assert.equal(await deliver(signed), 204);
  assert.equal((await me()).email, "rotated@example.com");
});

test("a message counts once, and an older event changes nothing", async () => {
  const { person, me } = await signedIn();
  const now = Date.now();
  const latest = message({ type: "user.updated", data: withEmail(person, "latest@example.com", now) });
  assert.equal(await deliver(latest), 204);
  await deliverEvent("user.updated", withEmail(person, "older@example.com", now - 60_000));
  assert.equal((await me()).email, "latest@example.com");
  await deliverEvent("user.updated", withEmail(person, "newest@example.com", now + 1));
  assert.equal(await deliver(latest), 204);
  assert.equal((await me()).email, "newest@example.com");
});

test("an organization and a membership are mirrored, and the token makes it active", async () => {
  const { person, me } = await signedIn();
  const { body: organization } = await clerk.call("POST", "organizations", { name: "Acme" });
  const { body: membership } = await clerk.call("POST", `organizations/${organization.id}/memberships`, { user_id: person.id, role: "org:admin" });
  await deliverEvent("organizationMembership.created", { ...membership, updated_at: Date.now() });
  await deliverEvent("organization.created", { ...organization, updated_at: Date.now() });
  const acme = { name: "Acme", clerkOrganizationId: organization.id };
  const { memberships } = await me();
  assert.deepEqual(memberships.nodes[1], { role: "ADMIN", organization: acme });
  // The stand-in puts the first membership into a new session's tokens.
  const token = await (await clerk.signIn(person.id))();
  const { data } = await send(server, ME, { token });
  assert.deepEqual(data.me.activeOrganization, acme);

  await deliverEvent("organizationMembership.deleted", { ...membership, updated_at: Date.now() });
  assert.equal((await me()).memberships.nodes.length, 1);
});

for (const [type, data] of [
  ["session.revoked", ({ session, person }) => ({ id: session, user_id: person.id, object: "session", status: "revoked" })],
  ["user.deleted", ({ person }) => ({ id: person.id, object: "user", deleted: true })],
  ["user.updated", ({ person }) => ({ ...person, banned: true, updated_at: Date.now() })],
]) {
  test(`${type} ends what a live token may do, at once`, async () => {
    const { person, token, me } = await signedIn();
    const { sid: session } = JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
    await deliverEvent(type, data({ person, session }));
    assert.equal(await me(), 401);
  });
}

test("what is not understood ends the delivery without harm", async () => {
  for (const [name, event, status] of [
    ["unknown type", { type: "email.created", data: { id: "ema_1" } }, 204],
    ["no data", { type: "user.updated" }, 204],
    ["not JSON", "user.updated", 400],
  ]) {
    assert.equal(await deliver(message(event)), status, name);
  }
  assert.equal((await fetch(endpoint())).status, 405);
});

test("without a secret there is no such route", async () => {
  const closed = await startServer({ command: "serve", settings: clerk.settings });
  try {
    const { body, headers } = message({ type: "user.deleted", data: { id: "user_1" } });
    const reply = await fetch(`${closed.url}/api/v1/webhooks/clerk`, { method: "POST", headers, body });
    assert.equal(reply.status, 404);
  } finally {
    await closed.stop();
  }
});
