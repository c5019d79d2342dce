"use client";

import { useMutation } from "@apollo/client/react";
import { useRef } from "react";
import { graphql } from "@/gql";
import type { ProfileFragment } from "@/gql/graphql";
import { Fault } from "@/parts/states";
import { useSession } from "@/session/session";

const DELETE_ACCOUNT = graphql(`
  mutation DeleteAccount {
    deleteUser {
      deletedUserId
      deletedOrganizationIds
    }
  }
`);

export function DeleteAccount({ user }: { user: ProfileFragment }) {
  const { signOut } = useSession();
  const dialog = useRef<HTMLDialogElement>(null);
  const [deleteAccount, { client, loading, error }] = useMutation(DELETE_ACCOUNT);

  const remove = async () => {
    const result = await deleteAccount().catch(() => null); // Shown below.
    if (!result?.data) return;
    dialog.current?.close();
    await signOut();
    // Nothing of the account stays in this browser.
    await client.clearStore();
  };

  return (
    <section className="card danger" aria-labelledby="delete">
      <h2 id="delete">Delete account</h2>
      <p>Your profile goes, and every organization that only you are in. This cannot be undone.</p>
      <button className="destructive" onClick={() => dialog.current?.showModal()}>
        Delete my account
      </button>
      <dialog ref={dialog} aria-labelledby="delete-question">
        <h2 id="delete-question">Delete the account of {user.displayName}?</h2>
        {error && <Fault error={error} />}
        <p className="actions">
          <button onClick={() => dialog.current?.close()}>Keep it</button>
          <button className="destructive" disabled={loading} onClick={() => void remove()}>
            Delete it
          </button>
        </p>
      </dialog>
    </section>
  );
}
