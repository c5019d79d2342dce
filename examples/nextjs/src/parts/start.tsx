"use client";

import Link from "next/link";
import { useSession } from "@/session/session";

export function Start() {
  const { status } = useSession();
  if (status === "loading") return <p className="actions" aria-busy="true" />;
  return (
    <p className="actions">
      {status === "signed-in" ? (
        <Link className="button primary" href="/boards">
          My organizations
        </Link>
      ) : (
        <>
          <Link className="button primary" href="/sign-in">
            Sign in
          </Link>
          <Link className="button" href="/sign-up">
            Sign up
          </Link>
        </>
      )}
    </p>
  );
}
