// urql against the running server: its plain cache, its normalised cache and its token renewal.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Client, cacheExchange, fetchExchange, gql } from "@urql/core";
import { authExchange } from "@urql/exchange-auth";
import { cacheExchange as graphcache } from "@urql/exchange-graphcache";
import { persistedExchange } from "@urql/exchange-persisted";
import { getIntrospectionQuery } from "graphql";
import { recordingFetch, send, startServer } from "./support/server.mjs";

let server;
before(async () => (server = await startServer()));
after(() => server?.stop());

const ME = gql`
  query Me($first: Int!) {
    me {
      id
      displayName
      memberships(first: $first) {
        nodes {
          id
          organization {
            id
            name
          }
        }
      }
    }
  }
`;

const RENAME = gql`
  mutation Rename($input: UpdateProfileInput!) {
    updateProfile(input: $input) {
      user {
        id
        displayName
      }
      userErrors {
        code
      }
    }
  }
`;

const DELETE = gql`
  mutation {
    deleteUser {
      deletedUserId
      deletedOrganizationIds
    }
  }
`;

function connect({ token, exchanges = [cacheExchange], ...options } = {}) {
  const recorder = recordingFetch();
  const client = new Client({
    url: server.graphqlUrl,
    fetch: recorder.fetch,
    preferGetMethod: false,
    exchanges: [...exchanges, fetchExchange],
    fetchOptions: () => (token ? { headers: { authorization: `Bearer ${token}` } } : {}),
    ...options,
  });
  return { client, requests: recorder.requests };
}

test("queries, by POST and by GET, and mutations with variables", async () => {
  const token = await server.token();
  for (const [preferGetMethod, methods] of [[false, ["POST", "POST"]], ["force", ["GET", "POST"]]]) {
    const { client, requests } = connect({ token, preferGetMethod });
    const { data, error } = await client.query(ME, { first: 5 }).toPromise();
    assert.equal(error, undefined);
    assert.equal(data.me.memberships.nodes[0].organization.name, "Personal");
    const changed = await client.mutation(RENAME, { input: { preferredName: null } }).toPromise();
    assert.deepEqual(changed.data.updateProfile.userErrors, []);
    assert.deepEqual(requests.map(({ method }) => method), methods);
    assert.match(requests[0].accept, /application\/graphql-response\+json/);
  }
});

test("a refused token and a refused value are graphQLErrors with their codes", async () => {
  for (const [token, query, variables, status, code] of [
    [null, ME, { first: 1 }, 401, "UNAUTHENTICATED"],
    ["x.y.z", ME, { first: 1 }, 401, "UNAUTHENTICATED"],
    [await server.token(), ME, { first: "one" }, 400, "BAD_USER_INPUT"],
    [await server.token(), gql`{ me { nmae } }`, {}, 400, "GRAPHQL_VALIDATION_FAILED"],
  ]) {
    const { client, requests } = connect({ token });
    const { data, error } = await client.query(query, variables).toPromise();
    assert.equal(data, undefined);
    assert.equal(requests[0].status, status);
    assert.equal(error?.networkError, undefined, `${code}: ${error}`);
    assert.deepEqual(error.graphQLErrors.map(({ extensions }) => extensions.code), [code]);
  }
});

test("the auth exchange renews a token that was refused, and repeats", async () => {
  let token = await server.token("--expired");
  let renewals = 0;
  const auth = authExchange(async (utilities) => ({
    addAuthToOperation: (operation) =>
      utilities.appendHeaders(operation, { Authorization: `Bearer ${token}` }),
    didAuthError: (error) =>
      error.graphQLErrors.some(({ extensions }) => extensions?.code === "UNAUTHENTICATED"),
    refreshAuth: async () => {
      renewals += 1;
      token = await server.token();
    },
  }));
  const { client, requests } = connect({ exchanges: [auth] });
  const { data } = await client.query(ME, { first: 1 }).toPromise();
  assert.equal(data.me.displayName, "Ada Lovelace");
  assert.equal(renewals, 1);
  assert.deepEqual(requests.map(({ status }) => status), [401, 200]);
});

test("the persisted exchange sends the hash alone once the text is known", async () => {
  const exchanges = [persistedExchange({ preferGetForPersistedQueries: false })];
  const { client, requests } = connect({ token: await server.token(), exchanges });
  const query = gql`{ me { id pronouns } }`;
  for (let round = 0; round < 2; round++) {
    const { error } = await client.query(query, {}, { requestPolicy: "network-only" }).toPromise();
    assert.equal(error, undefined);
  }
  const shape = requests.map(({ body }) => (body.query ? "text" : "hash"));
  assert.deepEqual(shape, ["hash", "text", "hash"]);
});

test("the normalised cache knows the schema, follows mutations, and forgets the deleted", async () => {
  // Graphcache warns about whatever the schema does not have.
  const { data: schema } = await send(server, getIntrospectionQuery({ descriptions: false }));
  const warnings = [];
  const cache = graphcache({
    schema,
    logger: (severity, message) => severity !== "debug" && warnings.push(message),
    updates: {
      Mutation: {
        deleteUser({ deleteUser }, _arguments, cache) {
          cache.invalidate({ __typename: "User", id: deleteUser.deletedUserId });
          for (const id of deleteUser.deletedOrganizationIds) {
            cache.invalidate({ __typename: "Organization", id });
          }
        },
      },
    },
  });
  const { client, requests } = connect({ token: await server.token("--user", "alan"), exchanges: [cache] });
  const seen = [];
  const watching = client.query(ME, { first: 5 }).subscribe(({ data }) => data && seen.push(data.me.displayName));
  await client.query(ME, { first: 5 }).toPromise();
  await client.mutation(RENAME, { input: { preferredName: "Turing" } }).toPromise();
  watching.unsubscribe();
  assert.deepEqual(seen, ["Alan Turing", "Turing"]);
  assert.deepEqual(requests.map(({ status }) => status), [200, 200]);

  await client.mutation(DELETE, {}).toPromise();
  const { data } = await client.query(ME, { first: 5 }, { requestPolicy: "cache-only" }).toPromise();
  assert.equal(data, null);
  assert.deepEqual(warnings, []);
});
