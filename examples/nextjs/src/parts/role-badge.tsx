import type { OrganizationRole } from "@/gql/graphql";

export const ROLE_NAMES: Record<OrganizationRole, string> = { OWNER: "Owner", ADMIN: "Admin", MEMBER: "Member" };

export function RoleBadge({ role }: { role: OrganizationRole }) {
  return <span className={`badge ${role.toLowerCase()}`}>{ROLE_NAMES[role]}</span>;
}
