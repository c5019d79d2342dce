import type { Metadata } from "next";
import { protect } from "@/session/protect";
import { OrganizationMembers } from "./members";

export const metadata: Metadata = { title: "Organization" };

export default async function OrganizationPage({ params }: PageProps<"/organization/[id]">) {
  await protect();
  const { id } = await params;
  return (
    <main className="page">
      <OrganizationMembers id={decodeURIComponent(id)} />
    </main>
  );
}
