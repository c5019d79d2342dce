//! E-mail address and name of a person, from whatever shape Clerk delivers them in: the claims of a
//! session token, or a user object of the Backend API or a webhook.
//!
//! Reading is lenient: a value that cannot be used counts as missing, never as an error, because a
//! sign-in must not fail over a name. This module must not know which source wins or what is stored.

use serde_json::{Map, Value};
use unicode_segmentation::UnicodeSegmentation;

use crate::model::{Profile, is_blank};

/// Longest e-mail address that is kept, in characters.
const MAX_EMAIL: usize = 320;
/// Longest name that is kept, in Unicode scalar values.
const MAX_NAME: usize = 200;

/// Reads the claims of a verified token.
///
/// Clerk puts neither address nor name into a token by default; operators choose claims of their own,
/// so several names are tried, those of Clerk's guide "Customize your session token" last. Since the
/// operator decides what a claim means, the address counts as verified only if the boolean claim
/// `email_verified` is true.
pub(crate) fn from_claims(claims: &Map<String, Value>) -> Profile {
    let email = first_email(claims, &["email", "email_address", "primary_email_address"])
        .or_else(|| listed_email(claims))
        .or_else(|| first_email(claims, &["primaryEmail"]));
    let name = first_name(claims, &["name", "full_name"])
        .or_else(|| {
            joined(
                first_name(claims, &["given_name", "first_name"]),
                first_name(claims, &["family_name", "last_name"]),
            )
        })
        .or_else(|| first_name(claims, &["fullName"]));
    let vouched = claims.get("email_verified") == Some(&Value::Bool(true));
    Profile {
        email_verified: vouched && email.is_some(),
        email,
        name: name.and_then(|name| shortened(&name)),
    }
}

/// Reads a user object of the Backend API ("The User object" in Clerk's documentation).
///
/// The address is the primary one, else the first verified one, else the first. The name is the first
/// and the last name, else the user name.
pub(crate) fn from_user_object(user: &Value) -> Profile {
    let (email, email_verified) = match chosen_address(user) {
        Some((email, verified)) => (Some(email), verified),
        None => (None, false),
    };
    let text = |member: &str| user.get(member).and_then(usable_name);
    let name = joined(text("first_name"), text("last_name")).or_else(|| text("username"));
    Profile { email, email_verified, name: name.and_then(|name| shortened(&name)) }
}

/// The stored form of an e-mail address: outer white space removed, lower case throughout (Unicode).
///
/// `None` unless the text has a local part and a domain around an `@`, no white space or control
/// characters inside, and at most 320 characters. Nothing more is asked of its form, because Clerk
/// has delivered mail to it.
pub(crate) fn normalise_email(raw: &str) -> Option<String> {
    let email = raw.trim().to_lowercase();
    let (local, domain) = email.rsplit_once('@')?;
    let shaped = !local.is_empty() && !domain.is_empty();
    let clean = !email.chars().any(|char| char.is_whitespace() || char.is_control());
    (shaped && clean && email.chars().count() <= MAX_EMAIL).then_some(email)
}

fn usable_email(value: &Value) -> Option<String> {
    value.as_str().and_then(normalise_email)
}

fn first_email(object: &Map<String, Value>, members: &[&str]) -> Option<String> {
    members.iter().find_map(|member| usable_email(object.get(*member)?))
}

/// The address in the claim `email_addresses`: that of the primary entry, else the first usable.
fn listed_email(claims: &Map<String, Value>) -> Option<String> {
    let entries = claims.get("email_addresses")?.as_array()?;
    let primary = claims.get("primary_email_address_id").and_then(Value::as_str);
    let is_primary =
        |entry: &&Value| primary.is_some() && entry.get("id").and_then(Value::as_str) == primary;
    entries
        .iter()
        .filter(is_primary)
        .find_map(entry_email)
        .or_else(|| entries.iter().find_map(entry_email))
}

/// The address in an entry, which is an object or, in hand-made claims, the address itself.
fn entry_email(entry: &Value) -> Option<String> {
    match entry {
        Value::Object(entry) => first_email(entry, &["email_address", "email"]),
        entry => usable_email(entry),
    }
}

/// The address to use of a user object, and whether it is verified.
fn chosen_address(user: &Value) -> Option<(String, bool)> {
    let entries = user.get("email_addresses")?.as_array()?;
    let primary = user.get("primary_email_address_id").and_then(Value::as_str);
    let mut first = None;
    let mut first_verified = None;
    for entry in entries {
        let Some(email) = entry.get("email_address").and_then(usable_email) else {
            continue;
        };
        let status = entry.get("verification").and_then(|verification| verification.get("status"));
        let verified = status.and_then(Value::as_str) == Some("verified");
        if primary.is_some() && entry.get("id").and_then(Value::as_str) == primary {
            return Some((email, verified));
        }
        let slot = if verified { &mut first_verified } else { &mut first };
        slot.get_or_insert((email, verified));
    }
    first_verified.or(first)
}

/// A text with something to show: trimmed, not blank or invisible, without control characters (PostgreSQL, for
/// one, cannot store NUL).
fn usable_name(value: &Value) -> Option<String> {
    let name = value.as_str()?.trim();
    (!is_blank(name) && !name.contains(char::is_control)).then(|| name.to_owned())
}

/// The first usable name among claims. Interpolation in a token template prints a missing part as
/// the word null, so a claim made of that word alone is no name; the surname Null is.
fn first_name(claims: &Map<String, Value>, members: &[&str]) -> Option<String> {
    members
        .iter()
        .filter_map(|member| usable_name(claims.get(*member)?))
        .find(|name| name.split_whitespace().any(|word| word != "null"))
}

fn joined(first: Option<String>, last: Option<String>) -> Option<String> {
    match (first, last) {
        (Some(first), Some(last)) => Some(format!("{first} {last}")),
        (first, last) => first.or(last),
    }
}

/// A text to show, by the rules for names, of whatever kind: trimmed, without control characters,
/// cut to at most 200 Unicode scalar values.
pub(super) fn display_text(value: &Value) -> Option<String> {
    usable_name(value).and_then(|name| shortened(&name))
}

/// The name as far as it is kept: whole signs as people see them (grapheme clusters, UAX #29), so that a
/// joined emoji or an accent is kept or goes as one. `None` when nothing visible is left.
fn shortened(name: &str) -> Option<String> {
    let mut length = 0;
    let whole_signs = name.grapheme_indices(true).take_while(|(_, sign)| {
        length += sign.chars().count();
        length <= MAX_NAME
    });
    let end = whole_signs.last().map_or(0, |(start, sign)| start + sign.len());
    let kept = name.get(..end).unwrap_or_default().trim_end();
    (!is_blank(kept)).then(|| kept.to_owned())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Deserialize)]
    struct Vectors {
        claims: Vec<Case>,
        profiles: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        name: String,
        #[serde(default)]
        claims: Map<String, Value>,
        #[serde(default)]
        user: Value,
        email: Option<String>,
        email_verified: Option<bool>,
        display_name: Option<String>,
    }

    fn vectors() -> Vectors {
        serde_json::from_str(include_str!("../../tests/vectors/claims.json")).unwrap()
    }

    fn read(claims: &Value) -> Profile {
        from_claims(claims.as_object().unwrap())
    }

    #[test]
    fn claims_vectors() {
        let cases = vectors().claims;
        assert!(cases.len() > 40);
        for case in cases {
            let profile = from_claims(&case.claims);
            assert_eq!(profile.email, case.email, "{}", case.name);
            assert_eq!(profile.name, case.display_name, "{}", case.name);
            assert!(!profile.email_verified, "{}", case.name);
        }
    }

    #[test]
    fn profile_vectors() {
        let cases = vectors().profiles;
        assert!(cases.len() > 10);
        for case in cases {
            let profile = from_user_object(&case.user);
            assert_eq!(profile.email, case.email, "{}", case.name);
            assert_eq!(Some(profile.email_verified), case.email_verified, "{}", case.name);
            assert_eq!(profile.name, case.display_name, "{}", case.name);
        }
    }

    #[test]
    fn a_claim_vouches_for_an_address_only_as_a_boolean() {
        for (claim, expected) in
            [(json!(true), true), (json!(false), false), (json!("true"), false), (json!(1), false)]
        {
            let claims = json!({"email": "ada@x.test", "email_verified": claim});
            assert_eq!(read(&claims).email_verified, expected, "{claims}");
        }
        assert!(!read(&json!({"email_verified": true})).email_verified, "no address");
    }

    #[test]
    fn addresses_have_a_shape() {
        for bad in ["", "@", "a@", "@b", "a", "a b@c", "a@b\u{85}c", "a@b\u{7f}", "null"] {
            assert_eq!(normalise_email(bad), None, "{bad:?}");
        }
        let domain = "@x.test";
        let longest = format!("{}{domain}", "é".repeat(MAX_EMAIL - domain.len()));
        assert_eq!(normalise_email(&longest).as_deref(), Some(longest.as_str()));
        assert_eq!(normalise_email(&format!("é{longest}")), None);
        assert_eq!(normalise_email("\"a@b\"@C.test").as_deref(), Some("\"a@b\"@c.test"));
    }

    #[test]
    fn the_word_null_is_no_name_in_claims() {
        for (claims, expected) in [
            (json!({"name": "null"}), None),
            (json!({"name": "null null", "fullName": "Ada"}), Some("Ada")),
            (json!({"full_name": "Ada null"}), Some("Ada null")),
            (json!({"first_name": "null", "last_name": "Lovelace"}), Some("Lovelace")),
            (json!({"last_name": "Null"}), Some("Null")),
        ] {
            assert_eq!(read(&claims).name.as_deref(), expected, "{claims}");
        }
        let user = json!({"first_name": "null"});
        assert_eq!(from_user_object(&user).name.as_deref(), Some("null"));
    }

    #[test]
    fn an_invisible_name_is_none() {
        assert_eq!(
            read(&json!({"name": "\u{200b}", "fullName": "Ada"})).name.as_deref(),
            Some("Ada")
        );
        let user = json!({"first_name": "\u{2060}", "last_name": "\u{3164}", "username": "ada"});
        assert_eq!(from_user_object(&user).name.as_deref(), Some("ada"));
    }

    #[test]
    fn long_names_are_cut_and_stay_trimmed() {
        let name = format!("{} {}", "é".repeat(199), "z".repeat(100));
        let expected = "é".repeat(199);
        assert_eq!(read(&json!({"name": name})).name, Some(expected.clone()));
        let user = json!({"first_name": "é".repeat(199), "last_name": "z".repeat(100)});
        assert_eq!(from_user_object(&user).name, Some(expected));
    }

    #[test]
    fn names_are_cut_between_the_signs_that_people_see() {
        let family = "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}";
        for sign in
            [family, "e\u{301}", "\u{1f1e9}\u{1f1ea}", "\u{1f44d}\u{1f3fd}", "각", "क्षि", "x"]
        {
            for lead in ["", "a", "ab", "abc"] {
                let name = format!("{lead}{}", sign.repeat(300));
                let read = read(&json!({ "name": name })).name.unwrap();
                let signs = read.strip_prefix(lead).unwrap();
                assert_eq!(signs.replace(sign, ""), "", "{sign} after {lead:?}");
                let room = MAX_NAME - lead.len();
                assert_eq!(
                    signs.chars().count() / sign.chars().count(),
                    room / sign.chars().count()
                );
            }
        }
        // One sign that is longer than a name may be, and one after it that would fit.
        let tower = format!("a{} b", "\u{301}".repeat(300));
        assert_eq!(read(&json!({ "name": tower })).name, None);
        let hidden = format!("{}Ada", "\u{2060} ".repeat(150));
        assert_eq!(read(&json!({ "name": hidden })).name, None);
    }

    #[test]
    fn a_user_object_of_any_shape_is_read() {
        for user in [
            json!(null),
            json!([]),
            json!("user"),
            json!({"email_addresses": {"0": "a@x.test"}, "first_name": 5}),
            json!({"email_addresses": [null, 5, "a@x.test", {"email_address": 5}]}),
        ] {
            assert_eq!(from_user_object(&user), Profile::default(), "{user}");
        }
        let unusable_primary = json!({
            "primary_email_address_id": "idn_1",
            "email_addresses": [
                {"id": "idn_1", "email_address": "?"},
                {"id": "idn_2", "email_address": "b@x.test"},
            ],
        });
        let profile = from_user_object(&unusable_primary);
        assert_eq!(profile.email.as_deref(), Some("b@x.test"));
    }
}
