// Operations as a front end writes them; the types come from the running server.

import type { ApolloClient } from "@apollo/client";
import { graphql } from "./generated/index.js";
import type { OrganizationRole, UserErrorCode } from "./generated/graphql.js";

const Me = graphql(`
  query Me($first: Int!, $after: String) {
    me {
      ...Person
      activeOrganization {
        id
        viewerRole
      }
      memberships(first: $first, after: $after) {
        totalCount
        pageInfo {
          hasNextPage
          endCursor
        }
        edges {
          cursor
          node {
            id
            role
            organization {
              name
              clerkOrganizationId
            }
          }
        }
      }
    }
  }
`);

graphql(`
  fragment Person on User {
    id
    displayName
    email
    createdAt
  }
`);

const Objects = graphql(`
  query Objects($ids: [ID!]!) {
    nodes(ids: $ids) {
      id
      ... on Organization {
        name
      }
      ... on OrganizationMember {
        role
      }
    }
  }
`);

const Rename = graphql(`
  mutation Rename($input: UpdateProfileInput!) {
    updateProfile(input: $input) {
      user {
        ...Person
        preferredName
      }
      userErrors {
        field
        message
        code
      }
    }
  }
`);

const Delete = graphql(`
  mutation Delete($input: DeleteUserInput) {
    deleteUser(input: $input) {
      deletedUserId
      deletedOrganizationIds
      clerkDeletion
    }
  }
`);

export async function useThem(client: ApolloClient) {
  const { data } = await client.query({ query: Me, variables: { first: 10 } });
  if (!data) return;
  const id: string = data.me.id;
  const email: string | null = data.me.email;
  const createdAt: string = data.me.createdAt;
  const roles: OrganizationRole[] = data.me.memberships.edges.map(({ node }) => node.role);
  const organization: { id: string } | null = data.me.activeOrganization;

  const objects = await client.query({ query: Objects, variables: { ids: [id] } });
  for (const node of objects.data?.nodes ?? []) {
    if (node?.__typename === "Organization") node.name.toUpperCase();
    if (node?.__typename === "OrganizationMember") roles.push(node.role);
  }

  const renamed = await client.mutate({
    mutation: Rename,
    variables: { input: { preferredName: "Ada", pronouns: null } },
    optimisticResponse: {
      updateProfile: {
        __typename: "UpdateProfilePayload",
        user: { __typename: "User", id, displayName: "Ada", email, createdAt, preferredName: "Ada" },
        userErrors: [],
      },
    },
  });
  const codes: UserErrorCode[] = renamed.data?.updateProfile.userErrors.map(({ code }) => code) ?? [];

  await client.mutate({ mutation: Delete });
  await client.mutate({ mutation: Delete, variables: { input: { deleteFromClerk: false } } });
  await client.mutate({ mutation: Delete, variables: { input: { userId: id } } });
  return { organization, codes };
}

/** What must not compile: a type that had become `any` would let it pass. */
export async function misuseThem(client: ApolloClient) {
  // @ts-expect-error `first` is required by this operation.
  await client.query({ query: Me, variables: {} });
  // @ts-expect-error It is a number.
  await client.query({ query: Me, variables: { first: "10" } });
  // @ts-expect-error There is no such input field.
  await client.mutate({ mutation: Rename, variables: { input: { nickname: "Ada" } } });
  const { data } = await client.query({ query: Me, variables: { first: 1 } });
  // @ts-expect-error It may be null.
  data?.me.email.length;
  // @ts-expect-error It was not asked for.
  data?.me.timezone;
  // @ts-expect-error An array, not a string.
  const path: string = (await client.mutate({ mutation: Rename, variables: { input: {} } })).data!.updateProfile.userErrors[0]!.field;
  return path;
}
