// What Clerk's SDKs ask of development mode, and what they get. `recording.json` holds both: the browser
// SDK and the backend SDK are run and compared with it, so that another version shows what it asks
// differently; and it is replayed without them, so that the answers keep their shape.
//
//   RECORD=1 tests/examples/run ./contract.test.mjs      writes it anew

import assert from "node:assert/strict";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { test } from "node:test";
import { createClerkClient } from "@clerk/backend";
import { example, launch, newPage, reserve, serve, servePages } from "./support.mjs";

const file = path.join(import.meta.dirname, "recording.json");
const scripts = path.join(example, "node_modules/@clerk/clerk-js/dist");

/** Gives the ids that the issuer makes up the same names in each run, in the order of their appearance. */
function namer() {
  const names = new Map();
  const counts = {};
  const note = (text) => {
    for (const [id, kind] of text.matchAll(/\b([a-z]+)_dev_[0-9a-f]{32}\b/g)) {
      if (names.has(id)) continue;
      counts[kind] = (counts[kind] ?? 0) + 1;
      names.set(id, `{${kind} ${counts[kind]}}`);
    }
  };
  return {
    note,
    named: (text) => text.replaceAll(/\b[a-z]+_dev_[0-9a-f]{32}\b/g, (id) => names.get(id) ?? id),
    actual: (text) => {
      const ids = new Map([...names].map(([id, name]) => [name, id]));
      return text.replaceAll(/\{[a-z]+ \d+\}/g, (name) => ids.get(name) ?? name);
    },
  };
}

/** The members of a JSON value, with their kinds. */
function shape(value, at = "", found = new Set()) {
  if (Array.isArray(value)) {
    if (value.length === 0) found.add(`${at}[]`);
    for (const item of value) shape(item, `${at}[]`, found);
  } else if (value !== null && typeof value === "object") {
    if (Object.keys(value).length === 0) found.add(`${at}{}`);
    for (const [name, member] of Object.entries(value)) shape(member, `${at}.${name}`, found);
  } else {
    found.add(`${at}: ${value === null ? "null" : typeof value}`);
  }
  return found;
}

const shapeOf = (value) => [...shape(value)].sort();

/** Runs the browser SDK through everything the stand-in speaks, one step after the other. */
async function recordBrowser(server, place) {
  const html = `<!doctype html><link rel="icon" href="data:,"><title>SDK</title><script src="/clerk/clerk.browser.js"
    data-clerk-publishable-key="${server.env.NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY}"
    data-clerk-proxy-url="${server.env.NEXT_PUBLIC_CLERK_PROXY_URL}"></script>`;
  const pages = await servePages(place, (where) =>
    where.startsWith("/clerk/")
      ? ["application/javascript", fs.readFileSync(path.join(scripts, path.basename(where)))]
      : ["text/html", html]);
  const browser = await launch();
  try {
    // The SDK tells both.
    const options = { locale: "en-US", timezoneId: "UTC" };
    const page = await newPage(browser, [place.origin, server.url], options);
    const exchanges = [];
    page.on("response", (response) => {
      const request = response.request();
      if (request.url().startsWith(server.url)) exchanges.push({ request, response });
    });
    await page.goto(`${place.origin}/`);
    await page.evaluate(async () => {
      const clerk = window.Clerk;
      const stay = async () => {};
      await clerk.load({ telemetry: { disabled: true }, routerPush: stay, routerReplace: stay });
      const refused = (promise) => promise.then(() => { throw new Error("was not refused"); }, () => {});

      const signUp = await clerk.client.signUp.create({ emailAddress: "mary@example.com", firstName: "Mary" });
      await signUp.prepareEmailAddressVerification({ strategy: "email_code" });
      await refused(signUp.attemptEmailAddressVerification({ code: "000000" }));
      await signUp.attemptEmailAddressVerification({ code: "424242" });
      await clerk.setActive({ session: clerk.client.signUp.createdSessionId ?? clerk.client.sessions[0].id });
      await clerk.session.getToken({ skipCache: true });
      await clerk.session.getToken({ template: "some-template" });
      await clerk.user.update({ lastName: "Somerville" });
      await clerk.user.reload();
      await clerk.user.getSessions();

      const organization = await clerk.createOrganization({ name: "Engines" });
      await clerk.setActive({ organization });
      await clerk.session.getToken({ skipCache: true });
      await clerk.user.getOrganizationMemberships();
      await clerk.user.getOrganizationInvitations();
      await clerk.user.getOrganizationSuggestions();
      await organization.update({ name: "Engines and Sons" });
      await organization.getRoles();
      await organization.getInvitations();
      await organization.addMember({ userId: "user_dev_ada", role: "org:member" });
      const { data } = await organization.getMemberships();
      const other = data.find(({ publicUserData }) => publicUserData.userId === "user_dev_ada");
      await other.update({ role: "org:admin" });
      await other.destroy();
      await clerk.setActive({ organization: null });
      await organization.destroy();
      await clerk.signOut();

      await refused(clerk.client.signIn.create({ identifier: "nobody@example.com" }));
      const signIn = await clerk.client.signIn.create({ identifier: "mary@example.com" });
      const [{ emailAddressId }] = signIn.supportedFirstFactors;
      await signIn.prepareFirstFactor({ strategy: "email_code", emailAddressId });
      const { createdSessionId } = await signIn.attemptFirstFactor({ strategy: "email_code", code: "424242" });
      await clerk.setActive({ session: createdSessionId });
      await clerk.user.delete();
    });
    page.check({ mayComplainOf: /422/ });
    const recorded = [];
    for (const { request, response } of exchanges) {
      const url = new URL(request.url());
      recorded.push({
        method: request.method(),
        path: url.pathname.replace("/dev/clerk", ""),
        query: Object.fromEntries(url.searchParams),
        body: Object.fromEntries(new URLSearchParams(request.postData() ?? "")),
        status: response.status(),
        answer: await response.json(),
      });
    }
    // What is asked while it loads is asked at the same time.
    const loading = recorded.slice(0, 2).sort((one, two) => one.path.localeCompare(two.path));
    return [...loading, ...recorded.slice(2)];
  } finally {
    await browser.close();
    await pages.stop();
  }
}

/**
 * Runs the backend SDK through a server that notes what it asks and passes it on: the SDK keeps the `fetch`
 * that it was loaded with, so nothing can be put in its place.
 */
async function recordBackend(server) {
  const exchanges = [];
  const place = await reserve();
  const passing = http.createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString();
    const url = new URL(`${server.issuer}${request.url}`);
    const { authorization, "content-type": type } = request.headers;
    const answer = await fetch(url, {
      method: request.method,
      headers: { ...(authorization && { authorization }), ...(type && { "content-type": type }) },
      ...(body && { body }),
    });
    const text = await answer.text();
    exchanges.push({
      method: request.method,
      path: url.pathname.replace("/dev/clerk", ""),
      query: Object.fromEntries(url.searchParams),
      body: body ? JSON.parse(body) : {},
      status: answer.status,
      answer: JSON.parse(text),
      key: true,
    });
    response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") }).end(text);
  });
  await new Promise((resolve) => passing.listen(place.port, "localhost", resolve));
  try {
    const clerk = createClerkClient({
      secretKey: server.env.CLERK_SECRET_KEY,
      publishableKey: server.env.NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY,
      apiUrl: place.origin,
      telemetry: { disabled: true },
    });
    const token = (await server.run("token", "--user", "grace")).trim();
    const headers = { authorization: `Bearer ${token}` };
    assert.equal((await clerk.authenticateRequest(new Request(server.url, { headers }))).isAuthenticated, true);
    const user = await clerk.users.getUser("user_dev_grace");
    assert.equal(user.primaryEmailAddress.emailAddress, "grace@example.com");
    await clerk.signInTokens.createSignInToken({ userId: user.id, expiresInSeconds: 60 });
    assert.equal((await clerk.sessions.getSessionList({ userId: user.id })).data.length, 0);
    await assert.rejects(clerk.sessions.revokeSession("sess_unknown"), { status: 404 });
    assert.equal((await clerk.users.deleteUser(user.id)).deleted, true);
    await assert.rejects(clerk.users.getUser(user.id), { status: 404 });
    return exchanges;
  } finally {
    passing.closeAllConnections();
    passing.close();
  }
}

/** Everything, with ids named and answers reduced to their shape. */
async function record() {
  const place = await reserve();
  const server = await serve({ frontEnd: place.origin });
  try {
    const { note, named } = namer();
    const exchanges = [...(await recordBrowser(server, place)), ...(await recordBackend(server))];
    return exchanges.map(({ answer, ...exchange }) => {
      note(JSON.stringify(answer));
      return { ...JSON.parse(named(JSON.stringify(exchange))), answer: shapeOf(answer) };
    });
  } finally {
    await server.stop();
  }
}

/** What tells whether the SDK asks the same: everything but the values it makes up. */
const asked = ({ method, path: where, query, body, key }) => ({
  method, path: where, query: Object.keys(query).sort(), body: Object.keys(body).sort(), ...(key && { key }),
});

test("Clerk's SDKs ask what they asked when they were recorded", async () => {
  const recorded = await record();
  if (process.env.RECORD) fs.writeFileSync(file, `${JSON.stringify(recorded, null, 1)}\n`);
  const known = JSON.parse(fs.readFileSync(file, "utf8"));
  assert.deepEqual(recorded.map(asked), known.map(asked), "another version asks differently; RECORD=1 takes it over");
});

test("a recorded request gets an answer of the recorded shape", async () => {
  const recording = JSON.parse(fs.readFileSync(file, "utf8"));
  assert.ok(recording.length > 40);
  const server = await serve({ frontEnd: "http://localhost:3000" });
  try {
    const { note, actual } = namer();
    let cookie = "";
    for (const { method, path: where, query, body, status, answer, key } of recording) {
      const url = new URL(`${server.issuer}${actual(where)}`);
      for (const [name, value] of Object.entries(query)) url.searchParams.set(name, actual(value));
      const headers = key
        ? { authorization: `Bearer ${server.env.CLERK_SECRET_KEY}`, "content-type": "application/json" }
        : { origin: "http://localhost:3000", cookie, "content-type": "application/x-www-form-urlencoded" };
      const filled = JSON.parse(actual(JSON.stringify(body)));
      const sent = method === "GET" ? undefined : key ? JSON.stringify(filled) : new URLSearchParams(filled).toString();
      const response = await fetch(url, { method, headers, body: sent });
      const [given] = response.headers.getSetCookie();
      if (given) [cookie] = given.split(";");
      const text = await response.text();
      note(text);
      const step = `${method} ${where}`;
      assert.equal(response.status, status, `${step}: ${text}`);
      assert.deepEqual(shapeOf(JSON.parse(text)), answer, step);
    }
  } finally {
    await server.stop();
  }
});
