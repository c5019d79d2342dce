// Random documents, valid and broken, answered by the server and by graphql-js, which implements the
// specification: the verdict, the stage of a refusal, and all of an answer with the order of its keys
// must be the same.
//
//   tests/clients/run differential.test.mjs                          some 2,500 documents
//   DOCUMENTS=50000 SEED=7 tests/clients/run differential.test.mjs   a long run
//   SEED=7 DOCUMENT=1234 tests/clients/run differential.test.mjs     one document of it
//
// Nothing here changes a row that is compared: an operation that could is sent without a token, which is
// refused after validation and before execution.

import assert from "node:assert/strict";
import { Agent, request as httpRequest } from "node:http";
import { after, before, test } from "node:test";
import { Documents } from "./support/documents.mjs";
import { mutateTokens, mutateTree, tokens, write } from "./support/mutations.mjs";
import { Random } from "./support/random.mjs";
import { Reference, STAGES, changing, nulledPlaces, readRows } from "./support/reference.mjs";
import { binary, startServer } from "./support/server.mjs";
import { shrink } from "./support/shrink.mjs";
import { run } from "./support/tools.mjs";

const DOCUMENTS = Number(process.env.DOCUMENTS ?? 2500);
const SEED = Number(process.env.SEED ?? 1);
const ONLY = process.env.DOCUMENT && Number(process.env.DOCUMENT);
const CONNECTIONS = 12;
/** So many kinds of difference are made small and shown. */
const SHOWN = Number(process.env.SHOWN ?? 20);

/** As high as the settings allow, so that no limit hides a verdict. */
const LIMITS = {
  MAX_NESTING: "64",
  MAX_SELECTIONS: "100000",
  MAX_ALIASES: "100000",
  MAX_DEPTH: "200",
  MAX_COMPLEXITY: "10000000",
  MAX_DIRECTIVES: "100",
  MAX_OPERATIONS: "1000",
  MAX_QUERY_BYTES: "1000000",
  MAX_BODY_BYTES: "10000000",
  EXECUTION_TIMEOUT: "60",
};

/**
 * Where the server may differ, each with its reason. `holds` is given the request, the right verdict and
 * the server's; keep it narrow.
 */
const ALLOWED = [
  {
    reason: "what introspection says of its own types __Schema and __Directive is the framework's and older; the rest of the schema is compared by __type",
    holds: ({ query, variables }, right, ours) => right.data !== undefined && ours.data !== undefined && (/\btypes\b/.test(query) || /__(?:Schema|Directive)\b/.test(query + JSON.stringify(variables ?? null))) && /\b(?:fields|args|enumValues)\b/.test(query),
  },
  {
    reason: "directives of a fragment are looked at before it is known whether it was entered already (6.3.2); graphql-js does it the other way round",
    holds: (_, right, ours) => right.data !== undefined && ours.errors?.some(({ message }) => /^The argument "if" of @skip and @include must not be null/.test(message)),
  },
  {
    reason: "descriptions in introspection, here under another key, are each server's own",
    holds: ({ query }, right, ours) => right.data !== undefined && ours.data !== undefined && /__schema|__type\b/.test(query) && /:[\s,]*description\b/.test(query),
  },
  {
    reason: "bluejay 0.5 compares the fields of a fragment also as if they were of the type around its spread (field_selection_merging.rs)",
    holds: ({ query }, right, ours) => ours.refused === STAGES.validate && right.refused !== STAGES.validate && /do not merge due to incompatible types/.test(ours.why) && /\bfragment\b/.test(query),
  },
  {
    reason: "a text that is no document, with a definition of the type system at fault itself, is refused for the first word of that",
    holds: (_, right, ours) => right.refused === STAGES.parse && ours.refused === STAGES.validate && /definition cannot be executed/.test(ours.why),
  },
  {
    reason: "two spellings of one string are one value (5.3.2); graphql-js compares how they are written",
    holds: ({ query }, right, ours) => right.refused === STAGES.validate && /differing arguments/.test(right.why) && ours.refused === undefined && /"""|\\u/.test(query),
  },
  {
    reason: "bluejay 0.5 does not know the newest introspection fields, and so does not compare them with others under one key",
    holds: ({ query }, right, ours) => right.refused === STAGES.validate && /conflict because/.test(right.why) && ours.refused !== STAGES.validate && /\b(?:isOneOf|isDeprecated|deprecationReason)\b/.test(query),
  },
  {
    reason: "bluejay 0.5 does not know the newest introspection fields, which are let through as plain fields without directives",
    holds: ({ query }, right, ours) => ours.refused === STAGES.validate && /\b(?:isOneOf|isDeprecated|deprecationReason)\s*@|\b(?:isOneOf|isDeprecated|deprecationReason)\b/.test(query) && /does not exist on type `__|not used/.test(ours.why),
  },
  {
    reason: "__typename is String! (4.4.1) and so of another shape than a nullable field (5.3.2); graphql-js compares it with nothing",
    holds: ({ query }, right, ours) => ours.refused === STAGES.validate && /do not merge due to incompatible types/.test(ours.why) && /__typename/.test(query) && right.refused !== STAGES.validate,
  },
  {
    reason: "a document without any operation may be refused for that before its fragments are looked at",
    holds: (_, right, ours) => right.refused === STAGES.validate && right.hasOperation === false && ours.refused === STAGES.operation,
  },
  {
    reason: "a description before an operation or a fragment is part of the specification since September 2025; graphql-js 16 does not know it",
    holds: ({ query }, right, ours) => right.refused === STAGES.parse && /^Syntax Error: Unexpected description/.test(right.why) && /"/.test(query) && ours.refused !== STAGES.parse,
  },
  {
    reason: "an ID given as a whole number is at most 64 bits long",
    holds: ({ query, variables }, right, ours) => right.data !== undefined && ours.refused !== undefined && (/\d{19}/.test(query) || /\d{19}|e\+/.test(JSON.stringify(variables ?? null))),
  },
];

let server;
let reference;
let post;
const people = {};

/** Sends requests over connections that stay open. */
function poster(url) {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  return (body, token) =>
    new Promise((resolve, reject) => {
      const headers = {
        "content-type": "application/json",
        accept: "application/graphql-response+json",
        ...(token && { authorization: `Bearer ${token}` }),
      };
      const sending = httpRequest(url, { method: "POST", agent, headers }, (reply) => {
        let text = "";
        reply.setEncoding("utf8").on("data", (part) => (text += part));
        reply.on("end", () => resolve({ status: reply.statusCode, text })).on("error", reject);
      });
      sending.on("error", reject).end(JSON.stringify(body));
    });
}

/** The token of a person, renewed before it expires. */
async function tokenOf(person) {
  const known = people[person];
  if (known && Date.now() < known.until) return known.token;
  const minting = server.token("--user", person, "--ttl", "10m");
  people[person] = { token: minting, until: Date.now() + 300_000 };
  return minting;
}

before(async () => {
  server = await startServer({ settings: { ...LIMITS, LOG_LEVEL: "error" } });
  post = poster(server.graphqlUrl);
  const ask = async (query, variables) => {
    const { text } = await post({ query, variables }, await tokenOf("grace"));
    const { data, errors } = JSON.parse(text);
    assert.equal(errors, undefined, text);
    return data;
  };
  await ask("{ me { id } }");
  reference = new Reference((await run(binary, ["schema"])).output, await readRows(ask));
  assert.equal(reference.rows.user.list.length, 2);
});
after(() => server?.stop());

/** What the server makes of a request, in the terms of the reference. */
async function ask(request, right) {
  const { query } = request;
  const couldChange = changing(reference.schema).test(query) && !(right.data !== undefined && right.kind === "query");
  // Values of variables are looked at behind the token. Nobody misses what happens to alan.
  const person = !couldChange ? "grace" : right.refused === STAGES.coerce ? "alan" : undefined;
  let reply = await post(request, person && (await tokenOf(person)));
  if (person === "alan" && reply.status === 401) {
    delete people.alan;
    reply = await post(request, await tokenOf("alan"));
  }
  const body = JSON.parse(reply.text);
  if (body.data === undefined) return { refused: body.errors[0].extensions.code, why: body.errors[0].message };
  return { data: body.data, errors: body.errors ?? [] };
}

/** Descriptions of what every schema has are each server's own. */
const OWN_DESCRIPTION = /^(?:A GraphQL Schema defines the capabilities of a GraphQL server\.|description of __Schema for newer|The `(?:Int|Float|String|Boolean|ID)` scalar type|The fundamental unit of any GraphQL Schema is the type\.|Indicates (?:that an Input Object is a OneOf|exactly one field must be supplied))/;

/**
 * The answer to an introspection without what is each server's own: the order of lists, the line breaks in
 * the descriptions of types that every schema has.
 */
function introspected(value) {
  if (typeof value === "string") return OWN_DESCRIPTION.test(value) ? null : value.replace(/\s+/g, " ");
  // graphql-js allows @deprecated on the definitions of directives already.
  if (Array.isArray(value)) return value.filter((item) => item !== "DIRECTIVE_DEFINITION").map(introspected).sort((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1));
  if (!value || typeof value !== "object") return value;
  // Descriptions of ours are held by schema.graphql, those of introspection are each server's own.
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, key === "description" ? null : introspected(inner)]));
}

/** A text that is the same for equal values whatever the order of their keys. */
const unordered = (value) =>
  JSON.stringify(value, (_, inner) =>
    inner && typeof inner === "object" && !Array.isArray(inner) ? Object.fromEntries(Object.entries(inner).sort(([one], [other]) => (one < other ? -1 : 1))) : inner,
  );

/** How two verdicts differ: undefined, or a description of the kind. */
function difference(request, right, ours) {
  if (ours.refused === "UNAUTHENTICATED" && !right.refused) {
    return right.isPublic || changing(reference.schema).test(request.query) ? undefined : "refused: UNAUTHENTICATED";
  }
  const label = ({ refused, changes }) => refused ?? (changes ? "changes" : "runs");
  if (label(right) !== label(ours)) return `${label(right)}, not ${label(ours)}`;
  if (right.refused) return undefined;
  const texts = [right, ours].map(({ data }) => JSON.stringify(data));
  if (texts[0] !== texts[1]) {
    const isIntrospection = /__schema|__type\b/.test(request.query);
    if (!isIntrospection || JSON.stringify(introspected(right.data)) !== JSON.stringify(introspected(ours.data))) {
      return unordered(right.data) === unordered(ours.data) ? "the order of keys" : "data";
    }
  }
  const places = [right, ours].map(({ data, errors }) => nulledPlaces(data, errors).join(" "));
  if (places[0] !== places[1]) return "places of errors";
  const fault = ours.errors.find(({ extensions }) => extensions?.code !== "BAD_USER_INPUT");
  return fault && `error without BAD_USER_INPUT: ${fault.message}`;
}

/** Compares one request; answers its difference, if that is not allowed. */
async function compare(request) {
  const right = reference.judge(request);
  const ours = await ask(request, right);
  if (/\(MAX_[A-Z_]+\)/.test(ours.why)) return { right, ours, isLimited: true };
  const kind = difference(request, right, ours);
  if (!kind) return { right, ours };
  const allowed = ALLOWED.find(({ holds }) => holds(request, right, ours));
  return allowed ? { right, ours, allowed: allowed.reason } : { right, ours, kind };
}

/** The request of a number. */
function generate(index) {
  const random = new Random(SEED, index);
  const { rows } = reference;
  const known = { ids: [...rows.byId.keys()], cursors: rows.cursors };
  const { ast, variables, operationName } = new Documents(reference.schema, known, random).request();
  if (random.chance(0.45)) {
    do mutateTree(ast, random);
    while (random.chance(0.25));
  }
  const list = tokens(ast);
  if (random.chance(0.12)) mutateTokens(list, random);
  return { query: write(list, random), variables, operationName };
}

/** The kind of a difference with the words of the side that found a fault, names and numbers aside. */
function group({ kind, right, ours }) {
  const isParsing = [right.refused, ours.refused].indexOf(STAGES.parse);
  const [first, second] = isParsing === 1 ? [ours, right] : [right, ours];
  const words = first.why ?? second.why ?? first.errors?.[0]?.message ?? second.errors?.[0]?.message ?? "";
  return `${kind} | ${words.replace(/^.* = /s, "").replace(/"[^"]*"|`[^`]*`|\$\w+|\d+/g, "_").slice(0, 90)}`;
}

const shown = ({ refused, why, data, errors, changes }) =>
  refused ? `${refused}: ${why}` : changes ? "runs (not executed)" : JSON.stringify({ data, errors: errors.map(({ path, message }) => ({ path, message })) });

test(`${DOCUMENTS} documents are answered as graphql-js answers them`, { timeout: 3_600_000 }, async (context) => {
  const counts = {};
  const differences = new Map();
  const count = (key) => (counts[key] = (counts[key] ?? 0) + 1);
  let index = ONLY ?? 0;
  const end = ONLY === undefined ? DOCUMENTS : ONLY + 1;
  const work = async () => {
    while (index < end) {
      const number = index++;
      const request = generate(number);
      const result = await compare(request);
      const { right, isLimited, allowed, kind } = result;
      count(right.refused ?? (right.changes ? "changes" : right.errors.length ? "runs with errors" : "runs"));
      if (isLimited) count("limited");
      if (allowed) count(`allowed: ${allowed}`);
      if (kind) {
        count("different");
        const key = group(result);
        if (!differences.has(key)) differences.set(key, { number, request, kind, times: 0 });
        differences.get(key).times += 1;
      }
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, work));
  context.diagnostic(`SEED=${SEED} ${JSON.stringify(counts)}`);

  const reports = [];
  for (const [key, { number, request, kind, times }] of [...differences].sort(([, one], [, other]) => other.times - one.times).slice(0, SHOWN)) {
    const small = await shrink(request, async (candidate) => {
      const result = await compare(candidate);
      return result.kind === kind && group(result) === key;
    });
    const { right, ours } = await compare(small);
    reports.push(`${times} times: ${key}\n  SEED=${SEED} DOCUMENT=${number}\n  ${JSON.stringify(small)}\n  right: ${shown(right)}\n  ours:  ${shown(ours)}`);
  }
  const rest = differences.size - reports.length;
  assert.ok(differences.size === 0, `${counts.different} of ${DOCUMENTS} differ, in ${differences.size} ways${rest > 0 ? ` (${rest} not shown)` : ""}:\n\n${reports.join("\n\n")}\n`);
  if (ONLY === undefined && DOCUMENTS >= 1000) {
    // The generator is worth its time only while it reaches every stage.
    for (const key of [...Object.values(STAGES), "runs", "runs with errors", "changes"]) {
      assert.ok(counts[key] >= DOCUMENTS / 500, `${key}: ${counts[key]} of ${DOCUMENTS}`);
    }
    assert.ok((counts.limited ?? 0) <= DOCUMENTS / 100, `${counts.limited} hit a limit`);
  }
});

test("fields of a profile are kept, cleared and set as graphql-js reads the input", async () => {
  const random = new Random(SEED, -1);
  const fields = ["preferredName", "pronouns", "notes", "context"];
  const profile = Object.fromEntries(fields.map((field) => [field, null]));
  const token = await server.token("--user", "ada", "--ttl", "10m");
  const value = () => (random.chance(0.25) ? null : random.pick(["a", "b", "c", "d"]) + random.whole(0, 999));
  for (let number = 0; number < 200; number += 1) {
    const definitions = [];
    const variables = {};
    const variable = (type, fallback, sent) => {
      const name = `v${definitions.length}`;
      definitions.push(`$${name}:${type}${fallback === undefined ? "" : `=${fallback}`}`);
      if (sent !== undefined) variables[name] = sent;
      return `$${name}`;
    };
    const some = () => fields.filter(() => random.chance(0.5));
    const literal = () => JSON.stringify(value());
    const field = () => (random.chance(0.4) ? literal() : variable("String", random.chance(0.3) ? literal() : undefined, random.chance(0.6) ? value() : undefined));
    const inputs = [
      () => `{${some().map((name) => `${name}:${field()}`).join(" ")}}`,
      () => variable("UpdateProfileInput!", undefined, Object.fromEntries(some().map((name) => [name, value()]))),
      () => variable("UpdateProfileInput", `{${some().map((name) => `${name}:${literal()}`).join(" ")}}`, random.chance(0.5) ? Object.fromEntries(some().map((name) => [name, value()])) : undefined),
    ];
    const update = (key) => `${key}:updateProfile(input:${random.pick(inputs)()}){user{${fields.join(" ")}}userErrors{field}}`;
    const body = random.chance(0.2) ? `${update("a")}${update("b")}` : update("a");
    const request = { query: `mutation${definitions.length ? `(${definitions.join(" ")})` : ""}{${body}}`, variables };
    const { text } = await post(request, token);
    const { data, why } = reference.judge(request, profile);
    assert.ok(data, `${JSON.stringify(request)}: ${why}`);
    assert.equal(text, JSON.stringify({ data }), `SEED=${SEED} ${number}: ${JSON.stringify(request)}`);
  }
});
