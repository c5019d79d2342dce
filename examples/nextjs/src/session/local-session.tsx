"use client";

import { useMemo, useState, type ReactNode } from "react";
import { ApolloProvider } from "@/apollo/provider";
import { SessionContext, type Session } from "./session";
import { TokenBox } from "./token-box";

/** A self-hosted server has one shared token. It is kept in memory, and asked for again after a reload. */
export function LocalSession({ children }: { children: ReactNode }) {
  const [token, setToken] = useState<string | null>(null);
  const session = useMemo<Session>(
    () => ({
      status: token ? "signed-in" : "signed-out",
      getToken: async () => token,
      signOut: async () => setToken(null),
    }),
    [token],
  );
  return (
    <SessionContext value={session}>
      {/* There from the start: its client is made once, and has to see every session after that. */}
      <ApolloProvider>{token ? children : <TokenBox onToken={setToken} />}</ApolloProvider>
    </SessionContext>
  );
}
