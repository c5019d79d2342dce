//! The active organization that a token mentions, in both versions of Clerk's claims.
//!
//! Version 1 spells everything out (`org_id`, `org_role`, …). Version 2 (`v` is 2) has one claim
//! `o` in which permissions are bit masks over features; see "Session tokens" in Clerk's
//! documentation. Junk grants nothing and is never an error: what is read here is informative.

use serde_json::{Map, Value};

use super::is_clerk_id;

/// Longest permission mask that is read, in decimal digits: over three thousand permissions.
const MAX_MASK_DIGITS: usize = 1000;

/// An organization as a token mentions it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenOrganization {
    /// The organization's id at Clerk.
    pub id: String,
    /// Its slug, when it has one.
    pub slug: Option<String>,
    /// The user's role in it, without the prefix `org:`.
    pub role: Option<String>,
    /// The user's permissions in it, as full keys: `org:feature:permission`.
    pub permissions: Vec<String>,
}

impl TokenOrganization {
    /// Reads the organization from all claims; `None` when there is none, or none well-shaped.
    pub(super) fn from_claims(all: &Map<String, Value>) -> Option<Self> {
        match all.get("v").and_then(Value::as_u64) {
            Some(2..) => Self::from_version_two(all),
            _ => Self::from_version_one(all),
        }
    }

    fn from_version_one(all: &Map<String, Value>) -> Option<Self> {
        let permissions = all.get("org_permissions").and_then(Value::as_array);
        Some(Self {
            id: identifier(all.get("org_id"))?,
            slug: identifier(all.get("org_slug")),
            role: role(all.get("org_role")),
            permissions: permissions
                .into_iter()
                .flatten()
                .filter_map(|permission| identifier(Some(permission)))
                .collect(),
        })
    }

    fn from_version_two(all: &Map<String, Value>) -> Option<Self> {
        let organization = all.get("o")?.as_object()?;
        let features = all.get("fea").and_then(Value::as_str).unwrap_or_default();
        let text = |name: &str| organization.get(name).and_then(Value::as_str).unwrap_or_default();
        Some(Self {
            id: identifier(organization.get("id"))?,
            slug: identifier(organization.get("slg")),
            role: role(organization.get("rol")),
            permissions: granted(features, text("per"), text("fpm")),
        })
    }
}

fn identifier(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).filter(|text| is_clerk_id(text)).map(str::to_owned)
}

fn role(value: Option<&Value>) -> Option<String> {
    let role = identifier(value)?;
    let role = role.strip_prefix("org:").unwrap_or(&role);
    (!role.is_empty()).then(|| role.to_owned())
}

/// The permissions that the masks grant: the n-th mask belongs to the n-th feature of the
/// organization, and bit k of a mask, counted from the least significant, to the k-th permission.
fn granted(features: &str, permissions: &str, masks: &str) -> Vec<String> {
    let features = features.split(',').filter_map(organization_feature);
    let mut keys = Vec::new();
    for (feature, mask) in features.zip(masks.split(',')) {
        let Some(mask) = Mask::parse(mask.trim()) else {
            continue;
        };
        for (bit, permission) in permissions.split(',').map(str::trim).enumerate() {
            if mask.has(bit) && is_clerk_id(permission) && is_clerk_id(feature) {
                keys.push(format!("org:{feature}:{permission}"));
            }
        }
    }
    keys
}

/// The name in `o:name` (a feature of the organization; `uo:name` is one of the user's too);
/// `None` for features of the user alone, which have no mask.
fn organization_feature(feature: &str) -> Option<&str> {
    let (scope, name) = feature.trim().split_once(':')?;
    scope.contains('o').then_some(name)
}

/// A decimal number of any length, as bits: limbs of 32, the least significant first.
struct Mask(Vec<u64>);

impl Mask {
    fn parse(decimal: &str) -> Option<Self> {
        if decimal.is_empty() || decimal.len() > MAX_MASK_DIGITS {
            return None;
        }
        let mut limbs: Vec<u64> = Vec::new();
        for digit in decimal.chars() {
            let mut carry = u64::from(digit.to_digit(10)?);
            for limb in &mut limbs {
                let sum = *limb * 10 + carry;
                *limb = sum & 0xFFFF_FFFF;
                carry = sum >> 32;
            }
            if carry > 0 {
                limbs.push(carry);
            }
        }
        Some(Self(limbs))
    }

    fn has(&self, bit: usize) -> bool {
        self.0.get(bit / 32).is_some_and(|limb| limb >> (bit % 32) & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(claims: &Value) -> Option<TokenOrganization> {
        TokenOrganization::from_claims(claims.as_object().unwrap())
    }

    fn permissions(claims: &Value) -> Vec<String> {
        read(claims).unwrap().permissions
    }

    #[test]
    fn version_one_is_spelled_out() {
        let organization = read(&json!({
            "org_id": "org_2Sample", "org_slug": "acme", "org_role": "org:admin",
            "org_permissions": ["org:billing:read", 5, null, "", "org:a b:c", "org:billing:manage"],
        }));
        let expected = TokenOrganization {
            id: "org_2Sample".into(),
            slug: Some("acme".into()),
            role: Some("admin".into()),
            permissions: vec!["org:billing:read".into(), "org:billing:manage".into()],
        };
        assert_eq!(organization, Some(expected));
    }

    #[test]
    fn version_two_unfolds_masks() {
        let organization = read(&json!({
            "v": 2, "fea": "u:own,o:dashboard, o:teams ,uo:both",
            "o": {"id": "org_2Sample", "slg": "acme", "rol": "member", "per": "manage,read",
                  "fpm": "3,2,1"},
        }));
        let keys =
            ["org:dashboard:manage", "org:dashboard:read", "org:teams:read", "org:both:manage"];
        let expected = TokenOrganization {
            id: "org_2Sample".into(),
            slug: Some("acme".into()),
            role: Some("member".into()),
            permissions: keys.map(str::to_owned).to_vec(),
        };
        assert_eq!(organization, Some(expected));
    }

    #[test]
    fn each_version_reads_its_own_claims_only() {
        let both = json!({"org_id": "org_1", "o": {"id": "org_2"}});
        assert_eq!(read(&both).unwrap().id, "org_1");
        let mut second = both.clone();
        second["v"] = json!(2);
        assert_eq!(read(&second).unwrap().id, "org_2");
        second["o"] = json!("org_2");
        assert_eq!(read(&second), None);
    }

    #[test]
    fn masks_may_exceed_sixty_four_bits() {
        let names: Vec<String> = (0..130).map(|n| format!("p{n}")).collect();
        // 2^129 + 2^64 + 1
        let mask = "680564733841876926945195958937245974529";
        let claims = json!({
            "v": 2, "fea": "o:f", "o": {"id": "org_2", "per": names.join(","), "fpm": mask},
        });
        assert_eq!(permissions(&claims), ["org:f:p0", "org:f:p64", "org:f:p129"]);
    }

    #[test]
    fn junk_grants_nothing_and_does_not_shift_what_follows() {
        let huge = "9".repeat(MAX_MASK_DIGITS + 1);
        for junk in ["", "-1", "0x3", "1.5", "x", huge.as_str()] {
            let claims = json!({
                "v": 2, "fea": "o:a,o:b",
                "o": {"id": "org_2", "per": "read", "fpm": format!("{junk},1")},
            });
            assert_eq!(permissions(&claims), ["org:b:read"], "{junk}");
        }
        for (fea, per, fpm) in [
            (json!(null), json!("read"), json!("1")),
            (json!("o:a"), json!(["read"]), json!("1")),
            (json!("o:a"), json!("read"), json!(1)),
            (json!("a"), json!("read"), json!("1")),
            (json!("o:"), json!("read"), json!("1")),
            (json!("o:a"), json!(""), json!("1")),
        ] {
            let claims = json!({"v": 2, "fea": fea, "o": {"id": "org_2", "per": per, "fpm": fpm}});
            assert_eq!(permissions(&claims), [""; 0], "{claims}");
        }
    }

    #[test]
    fn an_ill_shaped_organization_is_none() {
        let long = "o".repeat(256);
        for id in [json!(null), json!(5), json!(""), json!("a b"), json!("é"), json!(long)] {
            assert_eq!(read(&json!({"v": 2, "o": {"id": id}})), None, "{id}");
            assert_eq!(read(&json!({"org_id": id})), None, "{id}");
        }
        for o in [json!("org_2"), json!(null), json!([{"id": "org_2"}]), json!({})] {
            assert_eq!(read(&json!({"v": 2, "o": o})), None, "{o}");
        }
        let bare = read(&json!({"v": 2, "o": {"id": "org_2", "slg": 1, "rol": "org:"}})).unwrap();
        assert_eq!((bare.slug, bare.role), (None, None));
    }
}
