"use client";

import { useId, useRef, useState } from "react";

/** What to send to the person. It is worth nothing to anybody who does not have the invited address. */
export function InvitationLink({ email, token }: { email: string; token: string }) {
  const link = new URL(`/invitations?token=${encodeURIComponent(token)}`, location.href).href;
  const field = useRef<HTMLInputElement>(null);
  const [isCopied, setCopied] = useState(false);
  const id = useId();

  const copy = async () => {
    field.current?.select();
    // Pages that are not served over HTTPS have no clipboard; what is selected can be copied by hand.
    const isDone = await navigator.clipboard?.writeText(link).then(() => true, () => false);
    setCopied(isDone ?? false);
  };

  return (
    <div className="link" role="group" aria-label={`Link for ${email}`}>
      <label htmlFor={id}>Send this link to {email}. It is shown only now.</label>
      <span className="row">
        <input id={id} ref={field} readOnly value={link} onFocus={(event) => event.currentTarget.select()} />
        <button type="button" className="primary" onClick={() => void copy()}>
          Copy
        </button>
      </span>
      <span role="status">{isCopied && "Copied."}</span>
    </div>
  );
}
