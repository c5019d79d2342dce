import type { Metadata } from "next";
import { protect } from "@/session/protect";
import { AcceptForm } from "./accept-form";
import { MyInvitations } from "./my-invitations";

export const metadata: Metadata = { title: "Invitations" };

export default async function InvitationsPage({ searchParams }: PageProps<"/invitations">) {
  await protect();
  const { token } = await searchParams;
  return (
    <main className="page narrow">
      <h1>Invitations</h1>
      <MyInvitations />
      <AcceptForm token={typeof token === "string" ? token : ""} />
    </main>
  );
}
