// The smallest application around examples/react: Clerk's provider, and its form for who is signed out.
// The scripts are the application's own; with a real key Clerk hands them out, and those two lines go.

import { ClerkProvider, Show, SignIn, SignOutButton } from "@clerk/react";
import { createRoot } from "react-dom/client";
import { Account, Providers } from "../../../examples/react/apollo-react";

declare const settings: { publishableKey: string; proxyUrl: string; uri: string };

createRoot(document.getElementById("root")!).render(
  <ClerkProvider
    publishableKey={settings.publishableKey}
    proxyUrl={settings.proxyUrl}
    __internal_clerkJSUrl="/clerk-js/clerk.browser.js"
    __internal_clerkUIUrl="/ui/ui.browser.js"
    telemetry={{ disabled: true }}
  >
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
