// What README.md, the guides and the banner of `dev` offer for pasting works when pasted. Every block of commands is
// run here, or says why it cannot be.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { buildSchema, parse, print, validate } from "graphql";
import { binary, repository, startServer } from "./support/server.mjs";

const run = promisify(execFile);
const read = (path) => readFile(join(repository, path), "utf8");
/** Texts for people that have commands to paste. */
const guides = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "deploy/README.md", "examples/nextjs/README.md", "migrations/README.md"];
guides.push(...(await readdir(join(repository, "docs"))).filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`));

let server;
before(async () => {
  server = await startServer();
});
after(() => server?.stop());

/** What has the form of a secret key. */
const key = "sk_test_0123456789abcdefghij";

/** The blocks of code in one language. */
const blocks = (language, text) => [...text.matchAll(/^```(\w*)\n(.*?)^```/gms)].filter(([, name]) => name === language).map(([, , text]) => text);

/** The same with the program and the address of this test. */
const here = (text) =>
  text
    .replaceAll("target/release/mission-control", binary)
    .replaceAll(/^mission-control /gm, `${binary} `)
    .replaceAll("http://127.0.0.1:8000", server.url)
    .replaceAll("https://api.example.com", server.url);

/** Runs a block where the server of this test has its files. */
const shell = (text) => server.shell(here(text));

/** The same with settings of an operator whose database is that of this test. */
const operate = (text) =>
  shell(`export AUTH_MODE=clerk DATABASE_URL=sqlite:data/development.db CLERK_SECRET_KEY=${key} CLERK_API_URL=${server.url}/dev/clerk\n${text}`);

/** What `serve` would start with, without starting it. */
const check = (text) =>
  shell(text.replaceAll(/mission-control serve$/gm, "mission-control check").replaceAll("sk_test_...", key).replace(/^(?=DATABASE_URL)/m, `export AUTH_MODE=clerk CLERK_SECRET_KEY=${key}\n`));

/** An answer of a guide, in which `…` stands for the rest of an id. */
const shapeOf = (answer) => answer.replace(/"id":"[^"]*"/g, '"id":"…"').trim();

/** A block that is not run here, and where what it does is tried instead. */
const elsewhere = (reason, path, evidence) => async () => {
  assert.ok(reason);
  if (path) assert.ok((await read(path)).includes(evidence), `${path} has no ${evidence}`);
};

/** The claims of a token. */
const claims = (token) => JSON.parse(Buffer.from(token.split(".")[1], "base64url"));

/** One terminal for all blocks of docs/organizations.md: later ones use what earlier ones found. */
const team = [];

/** Every block of commands: the guide, how it begins, and what becomes of it. */
const commands = [
  ["README.md", "cargo run --release -- dev", elsewhere("the first is the server of this test, the second runs this test", "tests/run", "tests/clients/run")],
  [
    "README.md",
    "curl -s http://127.0.0.1:8000/graphql",
    async (text) => {
      const shown = blocks("json", await read("README.md"))[0];
      assert.equal(shapeOf(await shell(text)), shapeOf(shown));
    },
  ],
  ["README.md", "export AUTH_MODE=clerk", check],
  ["docs/clerk.md", "export AUTH_MODE=clerk", check],
  ["docs/clerk.md", "cargo build && cd examples/nextjs", elsewhere("takes minutes; the example is built and driven in a browser", "tests/examples/run", "examples/nextjs")],
  [
    "docs/clerk.md",
    "target/release/mission-control dev --env",
    async (text) => {
      const names = (await shell(text)).trim().split("\n").map((line) => line.split("=")[0]);
      assert.deepEqual(names.toSorted(), ["CLERK_API_URL", "CLERK_SECRET_KEY", "NEXT_PUBLIC_CLERK_PROXY_URL", "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY"]);
      const guide = await read("docs/clerk.md");
      for (const name of ["NEXT_PUBLIC_CLERK_PROXY_URL", "CLERK_API_URL"]) assert.ok(guide.includes(name));
    },
  ],
  [
    "docs/api.md",
    "curl -X POST https://api.example.com/api/v1/auth/bootstrap",
    async (text) => {
      const profile = JSON.parse(await shell(`SESSION_TOKEN=$(${binary} token --user alan); ${text.replace("curl", "curl -s")}`));
      assert.deepEqual([profile.clerk_user_id, profile.email, profile.name], ["user_dev_alan", null, "Alan Turing"]);
    },
  ],
  [
    "docs/commands.md",
    "target/release/mission-control token --user ada --ttl 10m",
    async (text) => {
      const [long, organization, nameless, expired] = (await shell(text)).trim().split("\n").map(claims);
      assert.equal(long.exp - long.iat, 600);
      assert.ok(organization.o.id.startsWith("org_"));
      assert.ok(!("email" in nameless) || nameless.email === null);
      assert.ok(expired.exp * 1000 < Date.now());
    },
  ],
  ["docs/commands.md", "target/release/mission-control webhook send user.updated", shell],
  ["docs/settings.md", "export GRAPHQL_INTROSPECTION=false", (text) => operate(`${text}\nmission-control check`)],
  ["docs/postgresql.md", "DATABASE_URL=postgres://", check],
  [
    "docs/operations.md",
    "mission-control doctor",
    async (text) => {
      // That key is not the issuer's: `doctor` finds it and ends with 1, as it should.
      const token = await server.token("--user", "ada");
      const [doctor, inspect, show] = text.trim().split("\n").map((line) => line.replace("inspect -", `inspect - <<< ${token}`));
      const findings = await operate(`${doctor.split("#")[0]} || test $? = 1`);
      assert.match(findings, /database/);
      assert.match(findings, /CLERK_SECRET_KEY/);
      assert.match(await operate(`${inspect.split("#")[0]} || test $? = 1`), /user_dev_ada/);
      assert.match(await operate(show), /ada@example\.com/);
    },
  ],
  ["docs/operations.md", "mission-control sync --dry-run", elsewhere("the issuer of development mode lists nobody; a stand-in for Clerk with ten thousand does", "tests/it/commands/sync.rs", '"--resume"')],
  [
    "docs/operations.md",
    "mission-control backup /var/backups",
    async (text) => assert.match(await operate(text.replace("/var/backups", server.directory)), /users, \d+ bytes, found whole/),
  ],
  ["docs/operations.md", "litestream replicate", elsewhere("needs Litestream; done under load, killed and restored", "tests/faults/on_sqlite.py", '"replicate"')],
  ["docs/operations.md", "litestream restore -integrity-check full", elsewhere("as the one before", "tests/faults/on_sqlite.py", '"-integrity-check", "full"')],
  ["docs/operations.md", "# on the primary", elsewhere("settings of PostgreSQL; with them no acknowledged write is lost when the primary is killed", "tests/faults/trial.py", "synchronous_standby_names")],
  ["docs/upgrading.md", "sqlite3 data/mission-control.db", elsewhere("NNNN stands for a number; each file is run on both databases", "tests/it/store/upgrades.rs", "the_way_back_leads_to_the_state_before_and_forth_again")],
  ...["mc() {", "token=$(mc ada", "curl -s http://127.0.0.1:8000/graphql", "mc grace", "curl -s http://127.0.0.1:8000/api/v1"].map((begin) => ["docs/organizations.md", begin, (text) => team.push(text)]),
  ["deploy/README.md", "docker load", elsewhere("needs Docker and what deploy/build makes; the image is unpacked and run without it", "tests/deploy/check.py", "image")],
  ["deploy/README.md", "kubectl create secret", elsewhere("needs a cluster; the manifests are held against the schema of Kubernetes", "tests/deploy/check.py", "kubernetes_validate")],
  ["CONTRIBUTING.md", "cargo dev", elsewhere("the first is the server of this test, the others run this test", ".ci/run", "tests/run")],
  ["CONTRIBUTING.md", "tests/postgres cargo nextest", elsewhere("names tests; tests/it/guides.rs looks for files and tests that guides name")],
  ["examples/nextjs/README.md", "npm run both", elsewhere("takes a minute; run in a browser", "tests/examples/start.test.mjs", "both")],
  ["examples/nextjs/README.md", "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY=pk_test_Y2", elsewhere("a file, not commands", "examples/nextjs/README.md", "what `mission-control dev --env` prints, four lines")],
  ["examples/nextjs/README.md", "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY=pk_test_...", elsewhere("a file, not commands")],
];

for (const guide of guides) {
  test(`the commands of ${guide}`, async () => {
    const expected = commands.filter(([of]) => of === guide);
    const found = blocks("sh", await read(guide));
    assert.deepEqual(
      found.map((text, number) => text.slice(0, expected[number]?.[1].length ?? 40)),
      expected.map(([, begin]) => begin),
      "each block of commands has a line in the table above, in its order",
    );
    for (const [number, [, , act]] of expected.entries()) await act(found[number]);
  });
}

test("a team comes together as docs/organizations.md shows", async () => {
  assert.equal(team.length, 5);
  const [listed, accepted, page] = (await shell(team.map((text) => `${text}\necho`).join("\n"))).trim().split(/\n+/).map((line) => JSON.parse(line));
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

test("commands in running text have the names and flags of the program", async () => {
  const spans = new Set();
  for (const guide of guides) {
    const prose = (await read(guide)).replaceAll(/^```.*?^```/gms, "");
    for (const [, span] of prose.matchAll(/`(?:\/|target\/release\/)?mission-control ([^`]+)`/g)) spans.add(span.replaceAll("\n", " "));
  }
  assert.ok(spans.size >= 15, [...spans].join(", "));
  for (const span of spans) {
    const words = span.split(" ");
    // What is written in capitals or with an ellipsis stands for something else.
    const names = words.slice(0, words.findIndex((word) => !/^[a-z]+$/.test(word)) >>> 0);
    const { stdout: help } = await run(binary, [...names, "--help"]);
    for (const flag of words.filter((word) => word.startsWith("--"))) assert.ok(help.includes(flag), `${span}: no ${flag}`);
  }
});

test("the curl line of the banner works", async () => {
  const line = server.output().match(/curl -s .*?'\{"query".*?\}'/s)[0];
  const { data } = JSON.parse(await server.shell(line));
  assert.equal(data.me.displayName, "Ada Lovelace");
});

test("the fetch of docs/clerk.md signs in", async () => {
  const snippet = blocks("js", await read("docs/clerk.md")).find((text) => text.includes("getToken"));
  const code = snippet.replace("https://api.example.com", server.url).replace(/^await fetch/, "return await fetch");
  const AsyncFunction = (async () => {}).constructor;
  const reply = await new AsyncFunction("getToken", code)(() => server.token());
  assert.equal(reply.status, 200);
  assert.equal((await reply.json()).data.bootstrap.user.displayName, "Ada Lovelace");
});

test("every operation of docs/api.md is valid", async () => {
  const schema = buildSchema(await read("schema.graphql"));
  const operations = blocks("graphql", await read("docs/api.md")).flatMap((text) => parse(text).definitions);
  assert.ok(operations.length >= 6);
  for (const operation of operations) {
    const errors = validate(schema, { kind: "Document", definitions: [operation] });
    assert.deepEqual(errors.map(({ message }) => message), [], print(operation));
  }
});
