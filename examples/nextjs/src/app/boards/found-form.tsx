"use client";

import { useMutation } from "@apollo/client/react";
import { useRouter } from "next/navigation";
import type { FormEvent } from "react";
import { graphql } from "@/gql";
import { Field, mistakeIn } from "@/parts/field";
import { Fault } from "@/parts/states";

const CREATE_ORGANIZATION = graphql(`
  mutation CreateOrganization($input: CreateOrganizationInput!) {
    createOrganization(input: $input) {
      organization {
        id
        name
      }
      userErrors {
        ...UserErrorFields
      }
    }
  }
`);

/** Founds an organization that exists here only; Clerk's switcher in the header makes those at Clerk. */
export function FoundForm() {
  const router = useRouter();
  const [createOrganization, { data, error, loading }] = useMutation(CREATE_ORGANIZATION);

  const found = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const element = event.currentTarget;
    const input = { name: String(new FormData(element).get("name")) };
    const result = await createOrganization({ variables: { input } }).catch(() => null); // Shown below.
    const organization = result?.data?.createOrganization.organization;
    if (organization) router.push(`/organization/${encodeURIComponent(organization.id)}`);
    else element.querySelector("input")?.focus();
  };

  return (
    <form className="card form" onSubmit={(event) => void found(event)} noValidate>
      <div className="columns">
        <Field name="name" label="New organization" mistake={mistakeIn("name", data?.createOrganization.userErrors)}>
          {(attributes) => <input autoComplete="off" placeholder="Its name" {...attributes} />}
        </Field>
        <button className="primary" disabled={loading}>
          Create
        </button>
      </div>
      {error && <Fault error={error} />}
    </form>
  );
}
