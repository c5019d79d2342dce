"use client";

import { NetworkStatus } from "@apollo/client";
import { useQuery } from "@apollo/client/react";
import Link from "next/link";
import { graphql } from "@/gql";
import { Fault, Loading } from "@/parts/states";
import { RoleBadge } from "@/parts/role-badge";
import { useSession } from "@/session/session";
import { FoundForm } from "./found-form";

const MY_ORGANIZATIONS = graphql(`
  query MyOrganizations($after: String) {
    me {
      id
      displayName
      memberships(first: 4, after: $after) {
        totalCount
        edges {
          cursor
          node {
            id
            role
            organization {
              id
              name
              clerkOrganizationId
              members(first: 3) {
                totalCount
              }
            }
          }
        }
        pageInfo {
          endCursor
          hasNextPage
        }
      }
      invitations(first: 1) {
        totalCount
        nodes {
          id
          organizationName
        }
      }
    }
  }
`);

export function Boards() {
  const { status } = useSession();
  const { data, error, fetchMore, networkStatus } = useQuery(MY_ORGANIZATIONS, {
    skip: status !== "signed-in",
    // Memberships change elsewhere; what is known is shown until the answer is there.
    fetchPolicy: "cache-and-network",
    notifyOnNetworkStatusChange: true,
  });
  if (error && !data) return <Fault error={error} />;
  if (!data) return <Loading what="your organizations" />;
  const { displayName, memberships, invitations } = data.me;
  const [invitation] = invitations.nodes;
  return (
    <>
      <h1>Hello, {displayName}</h1>
      {invitation && (
        <p className="card notice">
          You are invited to <strong>{invitation.organizationName}</strong>
          {invitations.totalCount > 1 && ` and ${invitations.totalCount - 1} more`}.{" "}
          <Link href="/invitations">See invitations</Link>
        </p>
      )}
      <h2 id="organizations">
        My organizations <span className="count">{memberships.totalCount}</span>
      </h2>
      <ul className="cards" aria-labelledby="organizations">
        {memberships.edges.map(({ node: { id, role, organization } }) => (
          <li key={id} className="card">
            <Link href={`/organization/${encodeURIComponent(organization.id)}`}>
              <span className="name">{organization.name}</span>
            </Link>
            <p>
              <RoleBadge role={role} />
              <span className="muted">
                {organization.members.totalCount === 1 ? "1 member" : `${organization.members.totalCount} members`}
              </span>
            </p>
          </li>
        ))}
      </ul>
      {memberships.pageInfo.hasNextPage && (
        <button
          disabled={networkStatus === NetworkStatus.fetchMore}
          onClick={() => void fetchMore({ variables: { after: memberships.pageInfo.endCursor } })}
        >
          Show more
        </button>
      )}
      <FoundForm />
    </>
  );
}
