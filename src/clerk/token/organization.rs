//! The active organization that a token mentions, in both versions of Clerk's claims ("Session tokens"
//! in Clerk's documentation): version 1 has the claim `org_id`, version 2 (`v` is 2) the claim `o`.
//! Roles and permissions are not read: a token's organization grants nothing here.

use serde_json::{Map, Value};

use crate::clerk::id::is_clerk_id;

/// The organization's id at Clerk; `None` when there is none, or none well-shaped.
pub(super) fn active_organization_id(all: &Map<String, Value>) -> Option<String> {
    let id = match all.get("v").and_then(Value::as_u64) {
        Some(2..) => all.get("o")?.as_object()?.get("id")?,
        _ => all.get("org_id")?,
    };
    id.as_str().filter(|id| is_clerk_id(id)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(claims: &Value) -> Option<String> {
        active_organization_id(claims.as_object().unwrap())
    }

    #[test]
    fn each_version_reads_its_own_claims_only() {
        let mut claims = json!({"org_id": "org_1", "o": {"id": "org_2", "slg": "acme"}});
        assert_eq!(read(&claims).as_deref(), Some("org_1"));
        claims["v"] = json!(2);
        assert_eq!(read(&claims).as_deref(), Some("org_2"));
        claims["o"] = json!("org_2");
        assert_eq!(read(&claims), None);
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
        assert_eq!(read(&json!({})), None);
    }
}
