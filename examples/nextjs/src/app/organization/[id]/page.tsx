import type { Metadata } from "next";
import { OrganizationMembers } from "./members";

export const metadata: Metadata = { title: "Organization" };

export default async function OrganizationPage({ params }: PageProps<"/organization/[id]">) {
  const { id } = await params;
  return (
    <main className="page">
      <OrganizationMembers id={decodeURIComponent(id)} />
    </main>
  );
}
