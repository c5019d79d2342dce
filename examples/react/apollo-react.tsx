// React with Clerk and Apollo Client. Copy it; beside what apollo-client.ts needs, it takes
//
//     npm install @clerk/react react react-dom
//
// Put <Providers> inside Clerk's <ClerkProvider>.

import { gql, type TypedDocumentNode } from "@apollo/client";
import { ApolloProvider, useMutation, useQuery } from "@apollo/client/react";
import { useAuth } from "@clerk/react";
import { useState, type ReactNode } from "react";
import { createApolloClient } from "./apollo-client";

export function Providers({ uri, children }: { uri: string; children: ReactNode }) {
  const { getToken, signOut } = useAuth();
  const [client] = useState(() => createApolloClient({ uri, getToken, onRefused: () => void signOut() }));
  return <ApolloProvider client={client}>{children}</ApolloProvider>;
}

const ME: TypedDocumentNode<{ me: { id: string; displayName: string; email: string | null } }> = gql`
  query Me {
    me {
      id
      displayName
      email
    }
  }
`;

const DELETE_ACCOUNT: TypedDocumentNode<{ deleteUser: { deletedUserId: string } }> = gql`
  mutation DeleteAccount {
    deleteUser {
      deletedUserId
    }
  }
`;

export function Account() {
  const { isSignedIn, signOut } = useAuth();
  const { data, error } = useQuery(ME, { skip: !isSignedIn });
  const [deleteAccount, { client, loading }] = useMutation(DELETE_ACCOUNT);
  if (error) return <p role="alert">{error.message}</p>;
  if (!data) return <p>Loading…</p>;

  const remove = async () => {
    await deleteAccount();
    await client.clearStore();
    await signOut();
  };
  return (
    <section>
      <h1>{data.me.displayName}</h1>
      <p>{data.me.email ?? "no e-mail address"}</p>
      <button onClick={() => void remove()} disabled={loading}>
        Delete my account
      </button>
    </section>
  );
}
