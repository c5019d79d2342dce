"use client";

import { useQuery } from "@apollo/client/react";
import { graphql } from "@/gql";
import { Fault, Loading } from "@/parts/states";
import { useSession } from "@/session/session";
import { DeleteAccount } from "./delete-account";
import { ProfileForm } from "./profile-form";

const MY_PROFILE = graphql(`
  query MyProfile {
    me {
      ...Profile
    }
  }
`);

export function Settings() {
  const { status } = useSession();
  const { data, error } = useQuery(MY_PROFILE, { skip: status !== "signed-in" });
  if (error && !data) return <Fault error={error} />;
  if (!data) return <Loading what="your profile" />;
  return (
    <>
      <p className="muted">
        Signed in as <strong>{data.me.displayName}</strong>, {data.me.email ?? "no e-mail address"}
      </p>
      <ProfileForm user={data.me} />
      <DeleteAccount user={data.me} />
    </>
  );
}
