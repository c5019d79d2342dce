"use client";

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
  return <ApolloNextAppProvider makeClient={makeClient}>{children}</ApolloNextAppProvider>;
}
