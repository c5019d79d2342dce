// The smallest application around examples/react: Clerk's provider, and its form for who is signed out.

import { ClerkProvider, Show, SignIn, SignOutButton } from "@clerk/react";
import { createRoot } from "react-dom/client";
import { Account, Providers } from "../../../examples/react/apollo-react";

declare const settings: { publishableKey: string; proxyUrl: string; uri: string };

createRoot(document.getElementById("root")!).render(
  <ClerkProvider publishableKey={settings.publishableKey} proxyUrl={settings.proxyUrl} telemetry={{ disabled: true }}>
    <Providers uri={settings.uri}>
      <Show when="signed-out">
        <SignIn routing="hash" />
      </Show>
      <Show when="signed-in">
        <Account />
        <SignOutButton />
      </Show>
    </Providers>
  </ClerkProvider>,
);
