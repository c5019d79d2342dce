// Requests whose answer the GraphQL specification decides and that servers get wrong, one line of the
// table for each (sections of the edition of September 2025). graphql-js is asked too, so that the table
// itself is right.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Reference, readRows } from "./support/reference.mjs";
import { binary, startServer } from "./support/server.mjs";
import { run } from "./support/tools.mjs";

const PARSE = "GRAPHQL_PARSE_FAILED";
const VALIDATION = "GRAPHQL_VALIDATION_FAILED";
const INPUT = "BAD_USER_INPUT";

let server;
let token;
let me;
let reference;
before(async () => {
  server = await startServer();
  token = await server.token("--user", "grace", "--ttl", "10m");
  const { body } = await send({ query: "{ me { id name updatedAt } }" });
  ({ me } = body.data);
  const ask = async (query, variables) => (await send({ query, variables })).body.data;
  reference = new Reference((await run(binary, ["schema"])).output, await readRows(ask));
});
after(() => server?.stop());

/** Sends a request as it is written; `anonymous` leaves out the token. */
async function send({ anonymous, ...request }) {
  const reply = await fetch(server.graphqlUrl, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/graphql-response+json",
      ...(anonymous || { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(request),
  });
  return { status: reply.status, body: await reply.json() };
}

const refused = (code) => (request) => [request, code];
const parse = refused(PARSE);
const validation = refused(VALIDATION);
/** Answered with these data, in this order of keys; errors, if any, lie at these paths. */
const answered = (request, data, ...paths) => [request, { data, paths }];
const query = (query, variables, operationName) => ({ query, variables, operationName });
/** Mutations are sent without a token: refused before execution if they are valid, which they are not. */
const mutation = (query, variables) => ({ query, variables, anonymous: true });

/** The lines are functions because some need what was read from the server. */
const TABLE = {
  "variables that only a directive of __typename uses are used (5.8.4)": () => [
    answered(query("query($v:Boolean!){__typename@skip(if:$v)}", { v: false }), { __typename: "Query" }),
    answered(query("query($v:Boolean!){__typename@skip(if:$v)}", { v: true }), {}),
    answered(query("query($v:Boolean=true){...@include(if:$v){__typename}}"), { __typename: "Query" }),
  ],
  "directives of __typename are validated (5.8.3, 5.6.1, 5.7.3)": () =>
    ["@include(if:$nope)", '@include(if:"x")', "@include(if:null)", "@include(if:[true])", "@skip(if:true)@skip(if:false)", "@skip", "@nothing"].map((directives) =>
      validation(query(`{__typename${directives}}`)),
    ),
  "selections that are left out do not decide the order of keys (6.3.2)": () => [
    answered(query("{me{id@skip(if:true)name id}}"), { me: { name: me.name, id: me.id } }),
    answered(query("{me{...on Node{...on Organization{updatedAt}} id updatedAt}}"), { me: { id: me.id, updatedAt: me.updatedAt } }),
    answered(query("query($v:Boolean!){...@skip(if:$v){__typename me{id}}me{name}__typename}", { v: true }), { me: { name: me.name }, __typename: "Query" }),
  ],
  "fields of different objects under one key have one shape (5.3.2)": () => [
    validation(query('{node(id:"1"){...on User{name} ...on Organization{name}}}')),
    validation(query('{node(id:"1"){...on User{x:id} ...on Organization{x:members{totalCount}}}}')),
    validation(query('{node(id:"1"){...on User{x:displayName@skip(if:true)} ...on Organization{x:createdAt}}}')),
    answered(query('{node(id:"1"){...on User{x:displayName} ...on Organization{x:name}}}'), { node: null }),
  ],
  "no field of an input object is given twice (5.6.3)": () => [
    validation(mutation('mutation{updateProfile(input:{name:"a" name:"b"})@skip(if:true){user{id}}}')),
    validation(mutation("mutation{deleteUser(input:{deleteFromClerk:false deleteFromClerk:true}){deletedUserId}}")),
  ],
  "fields of input objects exist, whatever their value (5.6.2)": () => [
    validation(mutation("mutation($v:String){updateProfile(input:{nothing:$v}){user{id}}}")),
  ],
  "every operation of a document is validated, whichever is chosen (5.6.1)": () => [
    validation({ ...mutation("query O0{__typename} mutation O1($v:DeleteUserInput=1.5){deleteUser(input:$v){deletedUserId}}"), operationName: "O0" }),
    validation({ ...query("query O0{__typename} query O1($v:[ID!]=[null]){nodes(ids:$v){id}}"), operationName: "O0" }),
    validation(query("query($v:[ID!]=[null]){nodes(ids:$v){id}}", { v: ["1"] })),
  ],
  "a scalar is not written as a list or an object, with variables inside neither (5.6.1)": () => [
    validation(query("query($v:ID){node(id:{name:$v}){id}}", { v: "1" })),
    validation(query("query($v:Boolean){me{id@skip(if:[$v])}}", { v: true })),
    validation(query("query($v:Boolean){me{id@skip(if:{a:$v})}}", { v: true })),
  ],
  "null for a condition is an error while executing (6.4.1)": () => [
    answered(query("query($v:Boolean=false){me{id context@include(if:$v)}}", { v: null }), null, ["me"]),
    answered(query(`query($v:Boolean=false){node(id:"${me.id}"){id@include(if:$v)}__typename}`, { v: null }), { node: null, __typename: "Query" }, ["node"]),
  ],
  "null for an argument that has none is an error of its field, if that is executed (6.4.1)": () => [
    answered(query("query($v:[ID!]=[]){nodes(ids:$v){id}}", { v: null }), null, ["nodes"]),
    answered(query("query($v:ID=\"1\"){nodes(ids:[$v]){id}}", { v: null }), null, ["nodes"]),
    answered(query("query($v:Int=1){me{id memberships(first:$v){totalCount}}}", { v: null }), null, ["me", "memberships"]),
    answered(query(`query($v:Int=1){node(id:"${me.id}"){...on User{memberships(first:$v){totalCount}}}__typename}`, { v: null }), { node: null, __typename: "Query" }, ["node", "memberships"]),
    answered(query("query($v:[ID!]=[],$s:Boolean!){nodes(ids:$v)@skip(if:$s){id}__typename}", { v: null, s: true }), { __typename: "Query" }),
    answered(query("query($v:ID=\"1\"){node(id:$v){id}__typename}", { v: null }), { node: null, __typename: "Query" }, ["node"]),
  ],
  "white space, commas, comments and byte order marks stand between any two tokens (2.1.7)": () => [
    answered(query("query($v:[ID! ]!){nodes(ids:$v){id}}", { v: [] }), { nodes: [] }),
    answered(query("query($v:ID,!){node(id:$v){id}}", { v: "1" }), { node: null }),
    answered(query("query($v :[ ID # x\n! ] , !){nodes(ids:$v){id}}", { v: [] }), { nodes: [] }),
    answered(query("{...F}fragment\tF\ton\tQuery{__typename}"), { __typename: "Query" }),
    answered(query("{...F}fragment#\nF,on\ufeffQuery{__typename}"), { __typename: "Query" }),
    answered(query("{me{...on#\nUser{name}}}"), { me: { name: me.name } }),
    answered(query("{me{...on,User{name}}}"), { me: { name: me.name } }),
    answered(query("{me{... # on\non\r\nUser @ skip ( if : false ){name}}}"), { me: { name: me.name } }),
  ],
  "characters beyond the basic plane are written in two ways (2.10.4)": () => [
    answered(query('{a:node(id:"\u{1f600}"){id}a:node(id:"\\uD83D\\uDE00"){id}a:node(id:"\\u{1F600}"){id}}'), { a: null }),
    answered(query('{__type(name:"\\u{4E}od\\u0065"){name}}'), { __type: { name: "Node" } }),
    parse(query('{node(id:"\\uD83D"){id}}')),
    parse(query('{node(id:"\\uDE00\\uD83D"){id}}')),
    parse(query('{node(id:"\\u{D83D}"){id}}')),
    parse(query('{node(id:"\\u{110000}"){id}}')),
  ],
  "parentheses hold something (2.6, 2.8, 2.11)": () => [
    parse(query("query(){me{id}}")),
    parse(query("{me(){id}}")),
    parse(query("{me@skip(){id}}")),
  ],
  "keywords end where names end (2.1.9)": () => [
    parse(query("queryO0{__typename}")),
    parse(query("{...F}fragmentF on Query{__typename}")),
    parse(query("{...F}fragment F onQuery{__typename}")),
    validation(query("query($v:Boolean=falsenothing){me@skip(if:$v){id}}")),
  ],
  "numbers do not begin with a zero and are not followed by a name (2.10.1)": () => [
    parse(query("{nodes(ids:[01]){id}}")),
    parse(query("{nodes(ids:[00]){id}}")),
    parse(query("{nodes(ids:[-01]){id}}")),
    parse(query("{nodes(ids:[1a]){id}}")),
    parse(query("{nodes(ids:[1_]){id}}")),
    answered(query("{nodes(ids:[0 -0]){id}}"), { nodes: [null, null] }),
  ],
  "minus zero is a whole number (2.10.1, 3.5.1)": () => [
    answered(query("{me{memberships(first:-0){totalCount}}}"), null, ["me", "memberships"]),
    answered(query("query($v:Int=-0){me{memberships(first:$v){totalCount}}}"), null, ["me", "memberships"]),
  ],
  "interfaces have a list of interfaces, if an empty one (4.2.2)": () => [
    answered(query('{__type(name:"Node"){interfaces{name}}}'), { __type: { interfaces: [] } }),
    answered(query('{__type(name:"User"){interfaces{name}}}'), { __type: { interfaces: [{ name: "Node" }] } }),
    answered(query('{__type(name:"String"){interfaces{name}}}'), { __type: { interfaces: null } }),
  ],
  "the stage of a refusal": () => [
    parse(query("{...on}")),
    validation(query("schema{query:Query}")),
    validation(query("scalar S")),
    validation(query("{__typename}type T{a:Int}")),
    validation(query("query($v:[ID!]!=null){nodes(ids:$v){id}}", { v: ["1"] })),
    validation(query("subscription{__typename}")),
    refused("OPERATION_RESOLUTION_FAILURE")(query("query A{__typename}query B{__typename}")),
    refused("OPERATION_RESOLUTION_FAILURE")(query("query A{__typename}", undefined, "B")),
    refused(INPUT)(query("query($v:Int){me{memberships(first:$v){totalCount}}}", { v: "1" })),
    refused(INPUT)(query("query($v:[ID!]!){nodes(ids:$v){id}}", { v: [null] })),
    refused(INPUT)(query("query($v:ID!){node(id:$v){id}}")),
  ],
};

test("graphql-js agrees with this table", () => {
  const faults = [];
  for (const [request, right] of Object.values(TABLE).flatMap((lines) => lines())) {
    const { refused, data, errors } = reference.judge(request);
    const theirs = refused ?? { data, paths: errors.map(({ path }) => path) };
    if (JSON.stringify(theirs) !== JSON.stringify(right)) faults.push(`${JSON.stringify(request)}\n    ${JSON.stringify(theirs)}`);
  }
  assert.ok(faults.length === 0, faults.join("\n"));
});

for (const [name, lines] of Object.entries(TABLE)) {
  test(name, async () => {
    const faults = [];
    for (const [request, right] of lines()) {
      const { status, body } = await send(request);
      const text = JSON.stringify(body);
      const fault = (reason) => faults.push(`${JSON.stringify(request)}\n    ${reason}\n    answered: ${status} ${text}`);
      if (typeof right === "string") {
        const code = body.errors?.[0].extensions.code;
        if (status !== 400 || code !== right || "data" in body) fault(`is to be refused as ${right}`);
        continue;
      }
      const paths = (body.errors ?? []).map(({ path }) => path);
      // Texts, as the order of keys counts.
      if (JSON.stringify(body.data) !== JSON.stringify(right.data)) fault(`is to be answered ${JSON.stringify(right.data)}`);
      else if (JSON.stringify(paths) !== JSON.stringify(right.paths)) fault(`has its errors at ${JSON.stringify(right.paths)}`);
      else if (body.errors?.some(({ extensions }) => extensions.code !== INPUT)) fault(`has errors with the code ${INPUT}`);
    }
    assert.ok(faults.length === 0, faults.join("\n"));
  });
}
