import type { OrganizationRole } from "@/gql/graphql";

const NAMES: Record<OrganizationRole, string> = { OWNER: "Owner", ADMIN: "Admin", MEMBER: "Member" };

export function RoleBadge({ role }: { role: OrganizationRole }) {
  return <span className={`badge ${role.toLowerCase()}`}>{NAMES[role]}</span>;
}
