// Operations as a Relay front end writes them.

import { graphql } from "relay-runtime";

export const accountQuery = graphql`
  query accountQuery($count: Int!) {
    me {
      id
      ...account_user
      ...accountMemberships_user @arguments(count: $count)
    }
  }
`;

export const userFragment = graphql`
  fragment account_user on User {
    displayName
    email
    createdAt
  }
`;

/** A page that loads more of itself: Relay fetches the user again by `node(id:)`. */
export const membershipsFragment = graphql`
  fragment accountMemberships_user on User
  @argumentDefinitions(count: { type: "Int!" }, cursor: { type: "String" })
  @refetchable(queryName: "accountMembershipsPageQuery") {
    memberships(first: $count, after: $cursor) @connection(key: "account_memberships") {
      edges {
        node {
          id
          role
          organization {
            id
            name @required(action: NONE)
          }
        }
      }
    }
  }
`;

export const nodeQuery = graphql`
  query accountNodeQuery($id: ID!) {
    node(id: $id) {
      __typename
      id
      ... on Organization {
        name
        viewerRole
      }
    }
  }
`;

export const renameMutation = graphql`
  mutation accountRenameMutation($input: UpdateProfileInput!) {
    updateProfile(input: $input) {
      user {
        id
        ...account_user
      }
      userErrors {
        field
        code
      }
    }
  }
`;

/** The ids in the payload are all that Relay needs to drop the records. */
export const deleteMutation = graphql`
  mutation accountDeleteMutation($input: DeleteUserInput) {
    deleteUser(input: $input) {
      deletedUserId @deleteRecord
      deletedOrganizationIds @deleteRecord
    }
  }
`;
