"use client";

import { createContext, use } from "react";

/** Who is signed in, however people sign in. */
export interface Session {
  status: "loading" | "signed-in" | "signed-out";
  /** A token for the API; with `skipCache` a new one. `null` when nobody is signed in. */
  getToken: (options: { skipCache: boolean }) => Promise<string | null>;
  /** Ends the session and leaves for the start page. */
  signOut: () => Promise<void>;
}

export const SessionContext = createContext<Session | null>(null);

export function useSession(): Session {
  const session = use(SessionContext);
  if (!session) throw new Error("useSession needs ClerkSession or LocalSession around it");
  return session;
}
