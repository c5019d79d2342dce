"use client";

import { useMutation } from "@apollo/client/react";
import { useRouter } from "next/navigation";
import type { FormEvent } from "react";
import { graphql } from "@/gql";
import { Field, mistakeIn } from "@/parts/field";
import { Fault } from "@/parts/states";
import { useSession } from "@/session/session";

const ACCEPT_INVITATION = graphql(`
  mutation AcceptInvitation($input: AcceptInvitationInput!) {
    acceptInvitation(input: $input) {
      member {
        id
        role
        organization {
          id
          name
        }
      }
      user {
        id
        activeOrganization {
          id
        }
      }
      userErrors {
        ...UserErrorFields
      }
    }
  }
`);

/** The token out of whatever was pasted: the link, or the token alone. */
function tokenIn(text: string): string {
  const trimmed = text.trim();
  return URL.parse(trimmed)?.searchParams.get("token") ?? trimmed;
}

/** `token` comes with the link. Nothing is accepted before the person says so. */
export function AcceptForm({ token }: { token: string }) {
  const { status } = useSession();
  const router = useRouter();
  const [acceptInvitation, { data, error, loading }] = useMutation(ACCEPT_INVITATION);

  const accept = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const element = event.currentTarget;
    const input = { token: tokenIn(String(new FormData(element).get("token"))) };
    const result = await acceptInvitation({ variables: { input } }).catch(() => null); // Shown below.
    const organization = result?.data?.acceptInvitation.member?.organization;
    if (organization) router.push(`/organization/${encodeURIComponent(organization.id)}`);
    else element.querySelector("input")?.focus();
  };

  return (
    <form className="card form" onSubmit={(event) => void accept(event)} noValidate>
      <Field
        name="token"
        label="Link or token"
        hint="The link that you were sent. It counts once, and only for the address that was invited."
        mistake={mistakeIn("token", data?.acceptInvitation.userErrors)}
      >
        {(attributes) => <input autoComplete="off" spellCheck={false} defaultValue={token} {...attributes} />}
      </Field>
      {error && <Fault error={error} />}
      <p className="actions">
        <button className="primary" disabled={loading || status !== "signed-in"}>
          Accept the invitation
        </button>
      </p>
    </form>
  );
}
