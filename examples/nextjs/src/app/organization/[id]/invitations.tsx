"use client";

import { useMutation, useQuery } from "@apollo/client/react";
import { useState } from "react";
import { graphql } from "@/gql";
import type { OpenInvitationFragment, OrganizationRole } from "@/gql/graphql";
import { Day } from "@/parts/day";
import { RoleBadge } from "@/parts/role-badge";
import { Fault, Loading } from "@/parts/states";
import { InvitationLink } from "./invitation-link";
import { InviteForm } from "./invite-form";

export const OPEN_INVITATION = graphql(`
  fragment OpenInvitation on Invitation {
    id
    email
    role
    invitedBy
    expiresAt
  }
`);

const OPEN_INVITATIONS = graphql(`
  query OpenInvitations($organizationId: ID!) {
    organization(id: $organizationId) {
      id
      # All that there can be.
      invitations(first: 100) {
        nodes {
          ...OpenInvitation
        }
      }
    }
  }
`);

const REVOKE_INVITATION = graphql(`
  mutation RevokeInvitation($input: RevokeInvitationInput!) {
    revokeInvitation(input: $input) {
      deletedInvitationId
      userErrors {
        ...UserErrorFields
      }
    }
  }
`);

/** Who is invited, for those who may invite. */
export function Invitations({ organizationId, viewerRole }: { organizationId: string; viewerRole: OrganizationRole }) {
  const { data, error, refetch } = useQuery(OPEN_INVITATIONS, {
    variables: { organizationId },
    fetchPolicy: "cache-and-network",
  });
  // The server shows a token once and does not keep it; this page keeps it until it is left.
  const [tokens, setTokens] = useState<Record<string, string>>({});
  const open = data?.organization?.invitations?.nodes;
  return (
    <section aria-labelledby="invitations">
      <h2 id="invitations">
        Invitations {open && <span className="count">{open.length}</span>}
      </h2>
      <InviteForm
        organizationId={organizationId}
        viewerRole={viewerRole}
        onInvited={async (invitation, token) => {
          setTokens((known) => ({ ...known, [invitation.id]: token }));
          // A second invitation for an address took the place of the first.
          await refetch();
        }}
      />
      {error && !open && <Fault error={error} />}
      {!error && !open && <Loading what="the invitations" />}
      {open && open.length > 0 && (
        <ul className="members card" aria-labelledby="invitations">
          {open.map((invitation) => (
            <Invited key={invitation.id} invitation={invitation} token={tokens[invitation.id]} />
          ))}
        </ul>
      )}
    </section>
  );
}

function Invited({ invitation, token }: { invitation: OpenInvitationFragment; token: string | undefined }) {
  const { id, email, role, invitedBy, expiresAt } = invitation;
  const [revoke, { data, loading, error }] = useMutation(REVOKE_INVITATION, {
    variables: { input: { invitationId: id } },
    update(cache, { data: changed }) {
      const gone = changed?.revokeInvitation.deletedInvitationId && cache.identify(invitation);
      if (!gone) return;
      cache.evict({ id: gone });
      cache.gc();
    },
  });
  const [mistake] = data?.revokeInvitation.userErrors ?? [];
  return (
    <li>
      <span className="who">
        <span className="name">{email}</span>
        <span className="muted">
          {invitedBy && `Invited by ${invitedBy}, `}until <Day of={expiresAt} />
        </span>
      </span>
      <RoleBadge role={role} />
      <button
        disabled={loading}
        aria-label={`Withdraw the invitation of ${email}`}
        onClick={() => void revoke().catch(() => null)} // Shown below.
      >
        Withdraw
      </button>
      {token && <InvitationLink email={email} token={token} />}
      {(error ?? mistake) && <Fault error={error ?? new Error(mistake?.message)} />}
    </li>
  );
}
