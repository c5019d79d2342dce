// What the README and the banner of `dev` offer for pasting works when pasted.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { buildSchema, parse, print, validate } from "graphql";
import { binary, repository, startServer } from "./support/server.mjs";

let server;
let readme;
before(async () => {
  server = await startServer();
  readme = await readFile(join(repository, "README.md"), "utf8");
});
after(() => server?.stop());

/** The blocks of code in one language. */
const blocks = (language, text = readme) => [...text.matchAll(/^```(\w*)\n(.*?)^```/gms)].filter(([, name]) => name === language).map(([, , text]) => text);

/** The same with the program and the address of this test. */
const here = (line) => line.replaceAll("target/release/mission-control", binary).replaceAll("http://127.0.0.1:8000", server.url);

/** An answer of the README, in which `…` stands for the rest of an id. */
const shapeOf = (answer) => answer.replace(/"id":"[^"]*"/g, '"id":"…"').trim();

test("the first curl line answers what the README shows", async () => {
  const line = blocks("sh").find((text) => text.startsWith("curl"));
  const shown = blocks("json")[0];
  assert.equal(shapeOf(await server.shell(here(line))), shapeOf(shown));
});

test("the curl line of the banner works", async () => {
  const line = server.output().match(/curl -s .*?'\{"query".*?\}'/s)[0];
  const { data } = JSON.parse(await server.shell(line));
  assert.equal(data.me.displayName, "Ada Lovelace");
});

test("a team comes together as docs/organizations.md shows", async () => {
  const guide = await readFile(join(repository, "docs/organizations.md"), "utf8");
  // One terminal for all of them: later lines use what earlier ones found.
  const lines = blocks("sh", guide).map((text) => `${here(text)}\necho`);
  assert.equal(lines.length, 5);
  const [listed, accepted, page] = (await server.shell(lines.join("\n"))).trim().split(/\n+/).map((line) => JSON.parse(line));
  const [invitation] = listed.data.me.invitations.nodes;
  const { expiresAt, ...rest } = invitation;
  assert.deepEqual(rest, { organizationName: "Analytical Engines", role: "ADMIN", invitedBy: "Ada Lovelace" });
  assert.ok(Date.parse(expiresAt) - Date.now() > 6.9 * 24 * 3600 * 1000, expiresAt);
  const { member, userErrors } = accepted.data.acceptInvitation;
  assert.deepEqual(userErrors, []);
  assert.deepEqual(member.organization, {
    name: "Analytical Engines",
    members: { nodes: [{ displayName: "Ada Lovelace", role: "OWNER" }, { displayName: "Grace Hopper", role: "ADMIN" }] },
  });
  assert.deepEqual(page.items.map(({ user, role }) => [user.email, role]), [["ada@example.com", "owner"], ["grace@example.com", "admin"]]);
});

test("the REST line answers the profile", async () => {
  const line = blocks("sh").find((text) => text.includes("/api/v1/auth/bootstrap"));
  const local = here(line).replace("https://api.example.com", server.url).replace("curl", "curl -s");
  const profile = JSON.parse(await server.shell(`SESSION_TOKEN=$(${binary} token --user alan); ${local}`));
  assert.deepEqual([profile.clerk_user_id, profile.email, profile.name], ["user_dev_alan", null, "Alan Turing"]);
});

test("the fetch of the README signs in", async () => {
  const snippet = blocks("js").find((text) => text.includes("getToken"));
  const code = snippet.replace("https://api.example.com", server.url).replace(/^await fetch/, "return await fetch");
  const AsyncFunction = (async () => {}).constructor;
  const reply = await new AsyncFunction("getToken", code)(() => server.token());
  assert.equal(reply.status, 200);
  assert.equal((await reply.json()).data.bootstrap.user.displayName, "Ada Lovelace");
});

test("every operation of the README is valid", async () => {
  const schema = buildSchema(await readFile(join(repository, "schema.graphql"), "utf8"));
  const operations = blocks("graphql").flatMap((text) => parse(text).definitions);
  assert.ok(operations.length >= 6);
  for (const operation of operations) {
    const errors = validate(schema, { kind: "Document", definitions: [operation] });
    assert.deepEqual(errors.map(({ message }) => message), [], print(operation));
  }
});
