"use client";

import { useApolloClient } from "@apollo/client/react";
import { ApolloNextAppProvider } from "@apollo/client-integration-nextjs";
import { useEffect, useRef, type ReactNode } from "react";
import { useSession } from "@/session/session";
import { createApolloClient } from "./client";

const uri = process.env.NEXT_PUBLIC_API_URL ?? "http://localhost:8000/graphql";

export function ApolloProvider({ children }: { children: ReactNode }) {
  const session = useSession();
  // The client is made once and asks whoever is signed in by then.
  const current = useRef(session);
  useEffect(() => {
    current.current = session;
  }, [session]);
  const makeClient = () =>
    createApolloClient({
      uri,
      getToken: (options) => current.current.getToken(options),
      onRefused: () => {
        if (current.current.status === "signed-in") void current.current.signOut();
      },
    });
  return (
    <ApolloNextAppProvider makeClient={makeClient}>
      <Forget />
      {children}
    </ApolloNextAppProvider>
  );
}

/** What one person saw is gone before the next one signs in. */
function Forget() {
  const client = useApolloClient();
  const { status } = useSession();
  useEffect(() => {
    if (status === "signed-out") void client.clearStore();
  }, [client, status]);
  return null;
}
