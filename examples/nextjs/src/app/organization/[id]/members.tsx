"use client";

import { NetworkStatus } from "@apollo/client";
import { useQuery } from "@apollo/client/react";
import Link from "next/link";
import { graphql } from "@/gql";
import { RoleBadge } from "@/parts/role-badge";
import { Fault, Loading } from "@/parts/states";
import { useSession } from "@/session/session";
import { Invitations } from "./invitations";

const ORGANIZATION = graphql(`
  query OrganizationMembers($id: ID!, $after: String) {
    organization(id: $id) {
      id
      name
      clerkOrganizationId
      viewerRole
      members(first: 10, after: $after) {
        totalCount
        edges {
          cursor
          node {
            id
            displayName
            email
            role
            isViewer
          }
        }
        pageInfo {
          endCursor
          hasNextPage
        }
      }
    }
  }
`);

export function OrganizationMembers({ id }: { id: string }) {
  const { status } = useSession();
  const { data, error, fetchMore, networkStatus } = useQuery(ORGANIZATION, {
    variables: { id },
    skip: status !== "signed-in",
    fetchPolicy: "cache-and-network",
    notifyOnNetworkStatusChange: true,
  });
  if (error && !data) return <Fault error={error} />;
  if (!data) return <Loading what="the members" />;
  const { organization } = data;
  if (!organization) {
    return (
      <>
        <h1>No such organization</h1>
        <p>
          It does not exist, or you are not a member. <Link href="/boards">My organizations</Link>
        </p>
      </>
    );
  }
  const { members, viewerRole, clerkOrganizationId } = organization;
  return (
    <>
      <p className="muted">
        <Link href="/boards">My organizations</Link>
      </p>
      <h1>{organization.name}</h1>
      <p className="muted">
        {clerkOrganizationId ? "Managed at Clerk, where people are invited to it" : "Exists here only"}
      </p>
      <h2 id="members">
        Members <span className="count">{members.totalCount}</span>
      </h2>
      <ul className="members card" aria-labelledby="members">
        {members.edges.map(({ node: member }) => (
          <li key={member.id}>
            <span className="initial" aria-hidden="true">
              {[...member.displayName][0]}
            </span>
            <span className="who">
              <span className="name">
                {member.displayName}
                {member.isViewer && <span className="muted"> (you)</span>}
              </span>
              <span className="muted">{member.email ?? "no e-mail address"}</span>
            </span>
            <RoleBadge role={member.role} />
          </li>
        ))}
      </ul>
      {members.pageInfo.hasNextPage && (
        <button
          disabled={networkStatus === NetworkStatus.fetchMore}
          onClick={() => void fetchMore({ variables: { after: members.pageInfo.endCursor } })}
        >
          Show more
        </button>
      )}
      {!clerkOrganizationId && viewerRole !== "MEMBER" && <Invitations organizationId={id} viewerRole={viewerRole} />}
    </>
  );
}
