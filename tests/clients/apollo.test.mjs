// Apollo Client 4 against the running server: what its links and its cache rely on.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { SetContextLink } from "@apollo/client/link/context";
import { ErrorLink } from "@apollo/client/link/error";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { relayStylePagination } from "@apollo/client/utilities";
import { filter, firstValueFrom, from, switchMap } from "rxjs";
import { recordingFetch, startServer } from "./support/server.mjs";

let server;
before(async () => (server = await startServer()));
after(() => server?.stop());

const GQL_TYPE = "application/graphql-response+json; charset=utf-8";

const ME = gql`
  query Me($first: Int!) {
    me {
      id
      displayName
      email
      memberships(first: $first) {
        totalCount
        nodes {
          id
          role
          displayName
          isViewer
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
        preferredName
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`;

/** A client for one person; `links` come before the one that sends. */
function connect({ token, links = [], http = {}, cache = new InMemoryCache() }) {
  const recorder = recordingFetch();
  const authorize = new SetContextLink(async ({ headers }) => {
    const current = await (typeof token === "function" ? token() : token);
    return { headers: { ...headers, ...(current && { authorization: `Bearer ${current}` }) } };
  });
  const client = new ApolloClient({
    cache,
    link: ApolloLink.from([...links, authorize, new HttpLink({ uri: server.graphqlUrl, fetch: recorder.fetch, ...http })]),
  });
  return { client, cache, requests: recorder.requests };
}

/** The first complete result of a watched query. */
const complete = (watched) => firstValueFrom(watched.pipe(filter(({ dataState }) => dataState === "complete")));

/** The error of a request that must fail. */
const failure = (promise) =>
  promise.then(
    (result) => assert.fail(`succeeded with ${JSON.stringify(result)}`),
    (error) => error,
  );

test("a query with variables arrives in the normalised cache, one entry per object", async () => {
  const { client, cache, requests } = connect({ token: await server.token("--user", "grace") });
  const { data } = await client.query({ query: ME, variables: { first: 10 } });

  assert.equal(data.me.displayName, "Grace Hopper");
  assert.equal(data.me.memberships.totalCount, 2);
  assert.match(requests[0].accept, /^application\/graphql-response\+json,application\/json;q=0\.9$/);
  assert.equal(requests[0].type, GQL_TYPE);

  const entries = cache.extract();
  assert.equal(entries[`User:${data.me.id}`].email, "grace@example.com");
  for (const membership of data.me.memberships.nodes) {
    assert.equal(entries[`OrganizationMember:${membership.id}`].isViewer, true);
    assert.equal(entries[`Organization:${membership.organization.id}`].name, membership.organization.name);
  }
  assert.deepEqual(data.me.memberships.nodes.map((node) => node.organization.name).sort(), ["Acme", "Personal"]);

  // The same membership, reached by another way, is the same entry; nothing is sent for what is known.
  const { id, organization } = data.me.memberships.nodes[0];
  const members = gql`
    query Members($id: ID!) {
      organization(id: $id) {
        id
        members {
          nodes {
            id
            role
          }
        }
      }
    }
  `;
  const reached = await client.query({ query: members, variables: { id: organization.id } });
  assert.ok(reached.data.organization.members.nodes.some((node) => node.id === id));
  assert.equal(Object.keys(cache.extract()).filter((key) => key === `OrganizationMember:${id}`).length, 1);
  const sent = requests.length;
  await client.query({ query: ME, variables: { first: 10 } });
  assert.equal(requests.length, sent);
});

test("a mutation's answer updates what watches the user", async () => {
  const { client } = connect({ token: await server.token("--user", "grace") });
  const names = [];
  const watch = client.watchQuery({ query: ME, variables: { first: 10 } });
  const watching = watch.subscribe(({ data, dataState }) => {
    if (dataState === "complete") names.push(data.me.displayName);
  });
  await complete(watch);
  const renamed = await client.mutate({ mutation: RENAME, variables: { input: { preferredName: "Amazing Grace" } } });
  assert.deepEqual(renamed.data.updateProfile.userErrors, []);
  await client.mutate({ mutation: RENAME, variables: { input: { preferredName: null } } });
  watching.unsubscribe();
  assert.deepEqual(names, ["Grace Hopper", "Amazing Grace", "Grace Hopper"]);
});

test("a mistake of the user is data, not an error", async () => {
  const { client } = connect({ token: await server.token() });
  const { data, error } = await client.mutate({
    mutation: RENAME,
    variables: { input: { timezone: "Mars/Phobos", pronouns: "x".repeat(101) } },
  });
  assert.equal(error, undefined);
  assert.equal(data.updateProfile.user, null);
  const found = data.updateProfile.userErrors.map(({ code, field }) => [code, field.join(".")]).sort();
  assert.deepEqual(found, [["TOO_LONG", "input.pronouns"], ["UNKNOWN_TIMEZONE", "input.timezone"]]);
});

test("a mistake of the program is a CombinedGraphQLErrors with its code, whatever the errorPolicy", async () => {
  const { client } = connect({ token: await server.token() });
  const cases = [
    [gql`query ($id: ID!) { organization(id: $id) { id nmae } }`, { id: "1" }, "GRAPHQL_VALIDATION_FAILED"],
    [gql`query ($id: ID!) { organization(id: $id) { id } }`, {}, "BAD_USER_INPUT"],
    [gql`query ($first: Int!) { me { id memberships(first: $first) { totalCount } } }`, { first: 0 }, "BAD_USER_INPUT"],
  ];
  for (const [query, variables, code] of cases) {
    const error = await failure(client.query({ query, variables, fetchPolicy: "network-only" }));
    assert.ok(CombinedGraphQLErrors.is(error), `${code}: ${error}`);
    assert.equal(error.errors[0].extensions.code, code);
    const kept = await client.query({ query, variables, fetchPolicy: "network-only", errorPolicy: "all" });
    assert.ok(CombinedGraphQLErrors.is(kept.error), `${code}: ${kept.error}`);
  }
});

test("queries go by GET when asked to, mutations never", async () => {
  const { client, requests } = connect({ token: await server.token(), http: { useGETForQueries: true } });
  const { data } = await client.query({ query: ME, variables: { first: 1 } });
  assert.equal(data.me.displayName, "Ada Lovelace");
  await client.mutate({ mutation: RENAME, variables: { input: { pronouns: "she/her" } } });
  assert.deepEqual(requests.map(({ method, status }) => [method, status]), [["GET", 200], ["POST", 200]]);
  assert.equal(requests[0].url.searchParams.get("operationName"), "Me");
  assert.deepEqual(JSON.parse(requests[0].url.searchParams.get("variables")), { first: 1 });
});

for (const useGETForHashedQueries of [false, true]) {
  const method = useGETForHashedQueries ? "GET" : "POST";
  test(`the persisted query link sends the hash alone, by ${method}, once the text is known`, async () => {
    const sha256 = (text) => createHash("sha256").update(text).digest("hex");
    const { client, requests } = connect({
      token: await server.token(),
      links: [new PersistedQueryLink({ sha256, useGETForHashedQueries })],
    });
    // Another text for each method, or the second would find what the first one stored.
    const query = gql`query { me { ${useGETForHashedQueries ? "id pronouns" : "id timezone"} } }`;
    for (let round = 0; round < 2; round++) {
      const { data } = await client.query({ query, fetchPolicy: "network-only" });
      assert.match(data.me.id, /^[0-9a-f-]{36}$/);
    }
    const shape = requests.map(({ method, url, body, status }) => {
      const text = method === "GET" ? url.searchParams.get("query") : body.query;
      return [method, text ? "text" : "hash", status];
    });
    assert.deepEqual(shape, [[method, "hash", 400], ["POST", "text", 200], [method, "hash", 200]]);
  });
}

test("a missing, broken or expired token is a CombinedGraphQLErrors with UNAUTHENTICATED", async () => {
  const expired = await server.token("--expired");
  for (const [name, token] of [["missing", null], ["broken", "x.y.z"], ["expired", expired]]) {
    const { client, requests } = connect({ token });
    const error = await failure(client.query({ query: ME, variables: { first: 1 } }));
    assert.ok(CombinedGraphQLErrors.is(error), `${name}: ${error}`);
    assert.deepEqual(error.errors, [{ message: "Not authenticated", extensions: { code: "UNAUTHENTICATED" } }], name);
    assert.deepEqual([requests[0].status, requests[0].type], [401, GQL_TYPE], name);
  }
});

test("an ErrorLink renews the token and repeats, queries and mutations alike", async () => {
  const expired = await server.token("--expired");
  let token = expired;
  let renewals = 0;
  const renew = new ErrorLink(({ error, operation, forward }) => {
    if (!CombinedGraphQLErrors.is(error)) return;
    if (!error.errors.some(({ extensions }) => extensions?.code === "UNAUTHENTICATED")) return;
    const renewed = server.token().then((fresh) => {
      token = fresh;
      renewals += 1;
    });
    return from(renewed).pipe(switchMap(() => forward(operation)));
  });
  const { client, requests } = connect({ token: () => token, links: [renew] });
  const { data } = await client.query({ query: ME, variables: { first: 1 } });
  assert.equal(data.me.displayName, "Ada Lovelace");
  token = expired;
  const { data: renamed } = await client.mutate({ mutation: RENAME, variables: { input: { preferredName: "Countess" } } });
  assert.equal(renamed.updateProfile.user.displayName, "Countess");
  assert.equal(renewals, 2);
  assert.deepEqual(requests.map(({ status }) => status), [401, 200, 401, 200]);
  await client.mutate({ mutation: RENAME, variables: { input: { preferredName: null } } });
});

test("pages of a connection merge by relayStylePagination", async () => {
  const cache = new InMemoryCache({ typePolicies: { User: { fields: { memberships: relayStylePagination() } } } });
  const { client } = connect({ token: await server.token("--user", "grace"), cache });
  const query = gql`
    query Page($after: String) {
      me {
        id
        memberships(first: 1, after: $after) {
          edges {
            cursor
            node {
              id
            }
          }
          pageInfo {
            hasNextPage
            hasPreviousPage
            startCursor
            endCursor
          }
        }
      }
    }
  `;
  const pages = client.watchQuery({ query });
  const watching = pages.subscribe(() => {});
  const first = (await complete(pages)).data.me.memberships;
  assert.equal(first.edges.length, 1);
  assert.equal(first.pageInfo.hasNextPage, true);
  await pages.fetchMore({ variables: { after: first.pageInfo.endCursor } });
  const { edges, pageInfo } = client.readQuery({ query }).me.memberships;
  watching.unsubscribe();
  assert.equal(new Set(edges.map(({ node }) => node.id)).size, 2);
  assert.equal(pageInfo.hasNextPage, false);
});

test("what deleteUser answers is enough to evict, and the token is dead at once", async () => {
  // The development issuer knows `alan` under another id afterwards, so no other test loses him.
  const token = await server.token("--user", "alan");
  const { client, cache } = connect({ token });
  const { data } = await client.query({ query: ME, variables: { first: 10 } });
  const organization = data.me.memberships.nodes[0].organization;
  const DELETE = gql`
    mutation {
      deleteUser {
        deletedUserId
        deletedOrganizationIds
        clerkDeletion
      }
    }
  `;
  const result = await client.mutate({
    mutation: DELETE,
    update(cache, { data: { deleteUser } }) {
      cache.evict({ id: cache.identify({ __typename: "User", id: deleteUser.deletedUserId }) });
      for (const id of deleteUser.deletedOrganizationIds) {
        cache.evict({ id: cache.identify({ __typename: "Organization", id }) });
      }
      cache.gc();
    },
  });
  assert.deepEqual(
    { ...result.data.deleteUser, __typename: undefined },
    {
      __typename: undefined,
      deletedUserId: data.me.id,
      deletedOrganizationIds: [organization.id],
      clerkDeletion: "DELETED",
    },
  );
  assert.deepEqual(Object.keys(cache.extract()).filter((key) => /^(User|Organization):/.test(key)), []);
  const error = await failure(client.query({ query: ME, variables: { first: 10 }, fetchPolicy: "network-only" }));
  assert.equal(error.errors[0].extensions.code, "UNAUTHENTICATED");

  const { client: again } = connect({ token: await server.token("--user", "alan") });
  const { data: fresh } = await again.query({ query: ME, variables: { first: 10 } });
  assert.notEqual(fresh.me.id, data.me.id);
});
