"use client";

import { useMutation } from "@apollo/client/react";
import type { FormEvent } from "react";
import { graphql } from "@/gql";
import type { OpenInvitationFragment, OrganizationRole } from "@/gql/graphql";
import { Field, mistakeIn } from "@/parts/field";
import { ROLE_NAMES } from "@/parts/role-badge";
import { Fault } from "@/parts/states";

const CREATE_INVITATION = graphql(`
  mutation CreateInvitation($input: CreateInvitationInput!) {
    createInvitation(input: $input) {
      invitation {
        ...OpenInvitation
      }
      token
      userErrors {
        ...UserErrorFields
      }
    }
  }
`);

const ROLES: OrganizationRole[] = ["MEMBER", "ADMIN", "OWNER"];

interface Props {
  organizationId: string;
  viewerRole: OrganizationRole;
  onInvited: (invitation: OpenInvitationFragment, token: string) => Promise<void>;
}

export function InviteForm({ organizationId, viewerRole, onInvited }: Props) {
  const [createInvitation, { data, error, loading }] = useMutation(CREATE_INVITATION);
  const mistakes = data?.createInvitation.userErrors;
  // Nobody gives a role above the own.
  const roles = ROLES.slice(0, ROLES.indexOf(viewerRole) + 1);

  const invite = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const element = event.currentTarget;
    const form = new FormData(element);
    const role = roles.find((known) => known === form.get("role")) ?? "MEMBER";
    const input = { organizationId, email: String(form.get("email")), role };
    const result = await createInvitation({ variables: { input } }).catch(() => null); // Shown below.
    const { invitation, token } = result?.data?.createInvitation ?? {};
    if (invitation && token) {
      element.reset();
      await onInvited(invitation, token);
    } else {
      element.querySelector<HTMLElement>("[name=email]")?.focus();
    }
  };

  return (
    <form className="card form invite" aria-label="Invite somebody" onSubmit={(event) => void invite(event)} noValidate>
      <div className="columns">
        <Field name="email" label="E-mail address" mistake={mistakeIn("email", mistakes)}>
          {(attributes) => <input type="email" autoComplete="off" required {...attributes} />}
        </Field>
        <Field name="role" label="Role" mistake={mistakeIn("role", mistakes)}>
          {(attributes) => (
            <select {...attributes}>
              {roles.map((role) => (
                <option key={role} value={role}>
                  {ROLE_NAMES[role]}
                </option>
              ))}
            </select>
          )}
        </Field>
        <button className="primary" disabled={loading}>
          Invite
        </button>
      </div>
      {error && <Fault error={error} />}
    </form>
  );
}
