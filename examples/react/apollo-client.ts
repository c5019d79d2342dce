// Apollo Client 4 for Mission Control behind Clerk. Copy it; it needs
//
//     npm install @apollo/client graphql rxjs
//
// `getToken` is the one of Clerk's `useAuth()`; see apollo-react.tsx for the two together.

import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache } from "@apollo/client";
import { SetContextLink } from "@apollo/client/link/context";
import { ErrorLink } from "@apollo/client/link/error";
import { relayStylePagination } from "@apollo/client/utilities";

export interface Options {
  /** For example `https://api.example.com/graphql`. */
  uri: string;
  /** Answers a session token, or `null` when nobody is signed in. */
  getToken: (options: { skipCache: boolean }) => Promise<string | null>;
  /** Called when a new token is refused as well: the account was deleted or the session revoked. */
  onRefused?: () => void;
}

export function createApolloClient({ uri, getToken, onRefused }: Options): ApolloClient {
  // Tokens live for a minute. Clerk keeps one and renews it in time, so ask for it with each request.
  const authorize = new SetContextLink(async ({ headers, isRetry }) => {
    const token = await getToken({ skipCache: isRetry === true });
    return { headers: { ...headers, ...(token && { authorization: `Bearer ${token}` }) } };
  });

  // A token can still run out on its way, or be held back while the computer sleeps: try once more
  // with a new one. Nothing was executed, so this is safe for mutations too.
  const retry = new ErrorLink(({ error, operation, forward }) => {
    if (!isUnauthenticated(error)) return;
    operation.setContext({ isRetry: true });
    return forward(operation);
  });

  // What was refused a second time comes here.
  const report = new ErrorLink(({ error }) => {
    if (isUnauthenticated(error)) onRefused?.();
  });

  return new ApolloClient({
    link: ApolloLink.from([report, retry, authorize, new HttpLink({ uri })]),
    cache: new InMemoryCache({
      possibleTypes: { Node: ["Organization", "OrganizationMember", "User"] },
      typePolicies: {
        User: { fields: { memberships: relayStylePagination() } },
        Organization: { fields: { members: relayStylePagination() } },
      },
    }),
  });
}

/** Whether a request was refused for its token. */
export function isUnauthenticated(error: unknown): boolean {
  return (
    CombinedGraphQLErrors.is(error) &&
    error.errors.some(({ extensions }) => extensions?.code === "UNAUTHENTICATED")
  );
}
