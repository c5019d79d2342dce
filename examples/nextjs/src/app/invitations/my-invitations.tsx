"use client";

import { useQuery } from "@apollo/client/react";
import { graphql } from "@/gql";
import { Day } from "@/parts/day";
import { RoleBadge } from "@/parts/role-badge";
import { Fault, Loading } from "@/parts/states";
import { useSession } from "@/session/session";

const MY_INVITATIONS = graphql(`
  query MyInvitations {
    me {
      id
      email
      invitations(first: 100) {
        nodes {
          id
          organizationName
          role
          invitedBy
          expiresAt
        }
      }
    }
  }
`);

/** Into what the person is invited. It takes the link as well: knowing of an invitation opens nothing. */
export function MyInvitations() {
  const { status } = useSession();
  const { data, error } = useQuery(MY_INVITATIONS, {
    skip: status !== "signed-in",
    fetchPolicy: "cache-and-network",
  });
  if (error && !data) return <Fault error={error} />;
  if (!data) return <Loading what="your invitations" />;
  const { email, invitations } = data.me;
  if (invitations.nodes.length === 0) {
    return <p className="muted">Nothing is open for {email ?? "you: invitations are for e-mail addresses"}.</p>;
  }
  return (
    <>
      <p className="muted">For {email}. Accept one with the link that you were sent.</p>
      <ul className="members card" aria-label="Open invitations">
        {invitations.nodes.map(({ id, organizationName, role, invitedBy, expiresAt }) => (
          <li key={id}>
            <span className="initial" aria-hidden="true">
              {[...organizationName][0]}
            </span>
            <span className="who">
              <span className="name">{organizationName}</span>
              <span className="muted">
                {invitedBy && `From ${invitedBy}, `}until <Day of={expiresAt} />
              </span>
            </span>
            <RoleBadge role={role} />
          </li>
        ))}
      </ul>
    </>
  );
}
