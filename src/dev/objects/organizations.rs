//! Organizations and who is in them.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{pictures::picture_of, public_user::PublicUserData};
use crate::dev::register::{ADMIN, MEMBER, Membership, Organization, Register};

/// What an instance allows by default.
const MOST_MEMBERS: u32 = 5;

/// An organization.
#[derive(Serialize)]
pub(crate) struct OrganizationObject {
    id: String,
    object: &'static str,
    name: String,
    slug: String,
    image_url: String,
    has_image: bool,
    created_by: Option<String>,
    members_count: usize,
    pending_invitations_count: u32,
    admin_delete_enabled: bool,
    max_allowed_memberships: u32,
    public_metadata: Map<String, Value>,
    created_at: i64,
    updated_at: i64,
}

impl OrganizationObject {
    /// With the number of its members; `at` is where the issuer is.
    pub(crate) fn new(organization: &Organization, register: &Register, at: &str) -> Self {
        let members =
            register.memberships.iter().filter(|one| one.organization_id == organization.clerk_id);
        let letters: String = organization.name.chars().take(1).collect();
        Self {
            id: organization.clerk_id.clone(),
            object: "organization",
            name: organization.name.clone(),
            slug: organization.slug.clone(),
            image_url: picture_of(&letters, at),
            has_image: false,
            created_by: organization.created_by.clone(),
            members_count: members.count(),
            pending_invitations_count: 0,
            admin_delete_enabled: true,
            max_allowed_memberships: MOST_MEMBERS,
            public_metadata: Map::new(),
            created_at: organization.created_at,
            updated_at: organization.updated_at,
        }
    }
}

/// One person's membership.
#[derive(Serialize)]
pub(crate) struct MembershipObject {
    id: String,
    object: &'static str,
    role: String,
    role_name: &'static str,
    permissions: &'static [&'static str],
    public_metadata: Map<String, Value>,
    organization: OrganizationObject,
    public_user_data: PublicUserData,
    created_at: i64,
    updated_at: i64,
}

impl MembershipObject {
    /// `None` when person or organization is gone.
    pub(crate) fn new(membership: &Membership, register: &Register, at: &str) -> Option<Self> {
        let organization = register.organization(&membership.organization_id)?;
        let person = register.person(&membership.user_id)?;
        let role = Role::of(&membership.role);
        Some(Self {
            id: membership.clerk_id.clone(),
            object: "organization_membership",
            role: format!("org:{}", membership.role),
            role_name: role.name,
            permissions: role.permissions,
            public_metadata: Map::new(),
            organization: OrganizationObject::new(organization, register, at),
            public_user_data: PublicUserData::new(person, at),
            created_at: membership.created_at,
            updated_at: membership.updated_at,
        })
    }
}

/// What members of an organization may be.
#[derive(Clone, Copy)]
pub(crate) struct Role {
    key: &'static str,
    name: &'static str,
    description: &'static str,
    permissions: &'static [&'static str],
}

static ROLES: [Role; 2] = [
    Role {
        key: ADMIN,
        name: "Admin",
        description: "Manages members and settings",
        permissions: &[
            "org:sys_profile:manage",
            "org:sys_profile:delete",
            "org:sys_memberships:read",
            "org:sys_memberships:manage",
        ],
    },
    Role {
        key: MEMBER,
        name: "Member",
        description: "Takes part in the work",
        permissions: &["org:sys_memberships:read"],
    },
];

impl Role {
    fn of(key: &str) -> Self {
        let [admin, member] = ROLES;
        if key == admin.key { admin } else { member }
    }

    /// The role that a browser names, with or without the prefix.
    pub(crate) fn parse(text: &str) -> Option<&'static str> {
        let key = text.strip_prefix("org:").unwrap_or(text);
        ROLES.iter().find(|role| role.key == key).map(|role| role.key)
    }
}

/// A role in JSON.
#[derive(Serialize)]
pub(crate) struct RoleObject {
    id: String,
    object: &'static str,
    key: String,
    name: &'static str,
    description: &'static str,
    permissions: Vec<PermissionObject>,
    created_at: i64,
    updated_at: i64,
}

#[derive(Serialize)]
struct PermissionObject {
    id: String,
    object: &'static str,
    key: &'static str,
    name: &'static str,
    description: &'static str,
    r#type: &'static str,
    created_at: i64,
    updated_at: i64,
}

/// The roles there are.
pub(crate) fn roles() -> Vec<RoleObject> {
    ROLES
        .iter()
        .map(|role| RoleObject {
            id: format!("role_dev_{}", role.key),
            object: "role",
            key: format!("org:{}", role.key),
            name: role.name,
            description: role.description,
            permissions: role.permissions.iter().map(|key| permission(key)).collect(),
            created_at: 0,
            updated_at: 0,
        })
        .collect()
}

fn permission(key: &'static str) -> PermissionObject {
    PermissionObject {
        id: format!("perm_dev_{}", key.replace(':', "_")),
        object: "permission",
        key,
        name: key,
        description: "",
        r#type: "system",
        created_at: 0,
        updated_at: 0,
    }
}
