"use client";

import { useAuth } from "@clerk/nextjs";
import { useMemo, type ReactNode } from "react";
import { ApolloProvider } from "@/apollo/provider";
import { SessionContext, type Session } from "./session";

/** The session that Clerk keeps. Its tokens live for a minute; Clerk renews them by itself. */
export function ClerkSession({ children }: { children: ReactNode }) {
  const { isLoaded, isSignedIn, getToken, signOut } = useAuth();
  const session = useMemo<Session>(
    () => ({
      status: !isLoaded ? "loading" : isSignedIn ? "signed-in" : "signed-out",
      getToken,
      signOut: () => signOut(),
    }),
    [isLoaded, isSignedIn, getToken, signOut],
  );
  return (
    <SessionContext value={session}>
      <ApolloProvider>{children}</ApolloProvider>
    </SessionContext>
  );
}
