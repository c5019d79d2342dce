// The part of the product's schema that the comparison asks for, with resolvers as the tutorials write them.

import { verifyToken } from "@clerk/backend";
import DataLoader from "dataloader";
import fs from "node:fs";
import path from "node:path";

const jwtKey = fs.readFileSync(path.join(import.meta.dirname, "../../tests/keys/test-rsa.pub.pem"), "utf8");

export const typeDefs = /* GraphQL */ `
  enum OrganizationRole { OWNER ADMIN MEMBER }
  type Organization { id: ID! name: String! }
  type OrganizationMembership { id: ID! role: OrganizationRole! organization: Organization! }
  type MembershipConnection { nodes: [OrganizationMembership!]! }
  type User { id: ID! email: String name: String displayName: String! memberships: MembershipConnection! }
  type Query { me: User! }
`;

export const resolvers = {
  Query: { me: (_, __, { user }) => user },
  User: {
    displayName: (user) => user.preferred_name ?? user.name ?? user.email?.split("@")[0] ?? "User",
    memberships: async (user, _, { loaders }) => ({ nodes: await loaders.memberships.load(user.id) }),
  },
  OrganizationMembership: {
    role: (membership) => membership.role.toUpperCase(),
    organization: (membership, _, { loaders }) => loaders.organizations.load(membership.organization_id),
  },
};

/** Verifies the session token as Clerk's SDK does without a network, and finds its user. */
export async function context(database, authorization) {
  const claims = await verifyToken((authorization ?? "").replace(/^Bearer /, ""), { jwtKey });
  const user = await database.findUser(claims.sub);
  if (!user) throw new Error("no such user");
  return {
    user,
    loaders: {
      memberships: new DataLoader(async (ids) => {
        const rows = await database.membershipsOf([...ids]);
        return ids.map((id) => rows.filter((row) => row.user_id === id));
      }),
      organizations: new DataLoader(async (ids) => {
        const rows = await database.organizations([...ids]);
        return ids.map((id) => rows.find((row) => row.id === id));
      }),
    },
  };
}
