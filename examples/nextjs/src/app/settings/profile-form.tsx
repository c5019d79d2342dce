"use client";

import { useMutation } from "@apollo/client/react";
import { useState, type FormEvent } from "react";
import { graphql } from "@/gql";
import type { ProfileFragment } from "@/gql/graphql";
import { Field, mistakeIn } from "@/parts/field";
import { Fault } from "@/parts/states";

export const PROFILE = graphql(`
  fragment Profile on User {
    id
    displayName
    email
    name
    preferredName
    pronouns
    timezone
    context
  }
`);

const UPDATE_PROFILE = graphql(`
  mutation UpdateProfile($input: UpdateProfileInput!) {
    updateProfile(input: $input) {
      user {
        ...Profile
      }
      userErrors {
        ...UserErrorFields
      }
    }
  }
`);

type FieldName = "name" | "preferredName" | "pronouns" | "timezone" | "context";

const FIELDS: { name: FieldName; label: string; hint?: string; isLong?: true }[] = [
  { name: "preferredName", label: "Short name", hint: "What others see of you first." },
  { name: "name", label: "Full name" },
  { name: "pronouns", label: "Pronouns", hint: "For example they/them." },
  { name: "timezone", label: "Time zone", hint: "For example Europe/Berlin." },
  { name: "context", label: "About you", isLong: true },
];

export function ProfileForm({ user }: { user: ProfileFragment }) {
  const [updateProfile, { data, error, loading }] = useMutation(UPDATE_PROFILE);
  const [isSaved, setSaved] = useState(false);
  const mistakes = data?.updateProfile.userErrors;

  const save = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setSaved(false);
    const element = event.currentTarget;
    const form = new FormData(element);
    const input: Partial<Record<FieldName, string | null>> = {};
    for (const { name } of FIELDS) {
      const value = String(form.get(name) ?? "");
      if (value !== (user[name] ?? "")) input[name] = value || null;
    }
    const result = await updateProfile({
      variables: { input },
      // Shown at once, and taken back if the server says otherwise.
      optimisticResponse: {
        updateProfile: {
          __typename: "UpdateProfilePayload",
          user: { ...user, ...input, displayName: (input.preferredName ?? user.preferredName) || user.displayName },
          userErrors: [],
        },
      },
    }).catch(() => null); // Shown below.
    const [first] = result?.data?.updateProfile.userErrors ?? [];
    setSaved(result?.data !== undefined && !first);
    const field = first && FIELDS.find(({ name }) => first.field.includes(name));
    if (field) element.querySelector<HTMLElement>(`#${field.name}`)?.focus();
  };

  return (
    <form className="card form" onSubmit={(event) => void save(event)} noValidate>
      {FIELDS.map(({ name, label, hint, isLong }) => (
        <Field key={name} name={name} label={label} hint={hint} mistake={mistakeIn(name, mistakes)}>
          {(attributes) => {
            const defaultValue = user[name] ?? "";
            return isLong ? (
              <textarea rows={4} defaultValue={defaultValue} {...attributes} />
            ) : (
              <input defaultValue={defaultValue} {...attributes} />
            );
          }}
        </Field>
      ))}
      {error && <Fault error={error} />}
      <p className="actions">
        <button className="primary" disabled={loading}>
          Save
        </button>
        <span role="status">{isSaved && "Saved."}</span>
      </p>
    </form>
  );
}
