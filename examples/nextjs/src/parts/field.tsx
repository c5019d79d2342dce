import type { ReactNode } from "react";
import type { UserErrorFieldsFragment } from "@/gql/graphql";
import { graphql } from "@/gql";

export const USER_ERROR_FIELDS = graphql(`
  fragment UserErrorFields on UserError {
    field
    code
    message
  }
`);

/** What the server says about one field of the input. */
export function mistakeIn(name: string, mistakes: UserErrorFieldsFragment[] | undefined): string | undefined {
  return mistakes?.find(({ field }) => field.includes(name))?.message;
}

/** What the control has to carry, so that label, hint and mistake belong to it. */
export interface ControlAttributes {
  id: string;
  name: string;
  "aria-invalid": boolean;
  "aria-describedby": string | undefined;
}

interface Props {
  name: string;
  label: string;
  hint?: string | undefined;
  mistake?: string | undefined;
  children: (attributes: ControlAttributes) => ReactNode;
}

/** A control with its label, and beside it what is wrong and what to type. */
export function Field({ name, label, hint, mistake, children }: Props) {
  const described = [mistake && `${name}-mistake`, hint && `${name}-hint`].filter(Boolean).join(" ");
  return (
    <div className="field">
      <label htmlFor={name}>{label}</label>
      {children({
        id: name,
        name,
        "aria-invalid": mistake !== undefined,
        "aria-describedby": described || undefined,
      })}
      {mistake && (
        <p id={`${name}-mistake`} className="mistake">
          {mistake}
        </p>
      )}
      {hint && (
        <p id={`${name}-hint`} className="hint">
          {hint}
        </p>
      )}
    </div>
  );
}
