//! Bodies as Clerk sends them, thinner, odder and broken ones.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn parse(body: &Value) -> Result<Event, EventError> {
    Event::parse(body.to_string().as_bytes())
}

fn user_event(data: &Value) -> ClerkUser {
    match parse(&json!({"type": "user.updated", "data": data})) {
        Ok(Event::User(user)) => *user,
        other => panic!("{other:?}"),
    }
}

fn millis(milliseconds: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(milliseconds)
}

#[test]
fn the_signed_samples_are_read() {
    let vectors: Value =
        serde_json::from_str(include_str!("../../../tests/vectors/svix.json")).unwrap();
    let body = |index: usize| vectors["known_answers"][index]["body"].as_str().unwrap();
    let Ok(Event::User(user)) = Event::parse(body(0).as_bytes()) else { panic!("a user") };
    assert_eq!(user.clerk_id, "user_2SampleUser");
    assert_eq!(user.profile.name.as_deref(), Some("Zoë O’Neil"));
    assert!(user.profile.email.is_some() && user.has_addresses && !user.banned);
    assert!(user.updated_at.is_some());
    let deleted = Event::UserDeleted { clerk_id: "user_2SampleUser".into() };
    assert_eq!(Event::parse(body(1).as_bytes()), Ok(deleted));
    let ended = Event::SessionEnded {
        session_id: "sess_2Sample".into(),
        user_id: Some("user_2SampleUser".into()),
    };
    assert_eq!(Event::parse(body(2).as_bytes()), Ok(ended));
}

#[test]
fn users_are_read_leniently() {
    let bare = user_event(&json!({"id": "user_2Sample"}));
    let expected = ClerkUser {
        clerk_id: "user_2Sample".into(),
        profile: Profile::default(),
        banned: false,
        has_addresses: true,
        updated_at: None,
    };
    assert_eq!(bare, expected, "absence of the list is not absence of addresses");
    let banned = user_event(&json!({"id": "u", "banned": true, "email_addresses": []}));
    assert!(banned.banned && !banned.has_addresses);
    let odd = user_event(&json!({"id": "u", "banned": "true", "email_addresses": [{}]}));
    assert!(!odd.banned && odd.has_addresses && odd.profile.email.is_none());
    let odd = user_event(&json!({"id": "u", "email_addresses": null, "updated_at": "yesterday"}));
    assert!(odd.has_addresses && odd.updated_at.is_none());
}

#[test]
fn times_are_milliseconds_or_seconds() {
    let cases = [
        (json!(1_789_999_999_456_i64), millis(1_789_999_999_456)),
        (json!(1_789_999_999), millis(1_789_999_999_000)),
        (json!(1_789_999_999_456.7), millis(1_789_999_999_456)),
        (json!(FIRST_MILLISECONDS), millis(FIRST_MILLISECONDS)),
        (json!(FIRST_MILLISECONDS - 1), millis((FIRST_MILLISECONDS - 1) * 1000)),
        (json!(LAST_MILLISECOND), millis(LAST_MILLISECOND)),
        (json!(LAST_MILLISECOND + 1), None),
        (json!(0), None),
        (json!(-5), None),
        (json!(i64::MIN), None),
        (json!(i64::MAX), None),
        (json!(u64::MAX), None),
        (json!(1e300), None),
        (json!("1789999999456"), None),
        (json!(null), None),
    ];
    for (value, expected) in cases {
        let user = user_event(&json!({"id": "u", "updated_at": value}));
        assert_eq!(user.updated_at, expected, "{value}");
    }
}

fn membership_data() -> Value {
    json!({
        "id": "orgmem_2Sample", "object": "organization_membership", "role": "org:admin",
        "organization": {
            "id": "org_2Sample", "name": " Acme Inc ", "slug": "acme", "created_by": "user_2Boss",
            "updated_at": 1_789_999_990_000_i64,
        },
        "public_user_data": {"user_id": "user_2Sample", "identifier": "ada@example.com"},
        "created_at": 1_789_999_980_000_i64, "updated_at": 1_789_999_999_456_i64,
    })
}

fn membership() -> ClerkMembership {
    ClerkMembership {
        clerk_id: "orgmem_2Sample".into(),
        organization: ClerkOrganization {
            clerk_id: "org_2Sample".into(),
            name: Some("Acme Inc".into()),
            created_by: Some("user_2Boss".into()),
            updated_at: millis(1_789_999_990_000),
        },
        user_id: "user_2Sample".into(),
        role: Some("admin".into()),
        updated_at: millis(1_789_999_999_456),
    }
}

#[test]
fn organizations_and_memberships_are_read() {
    let data = membership_data();
    for kind in ["created", "updated"] {
        let event = parse(&json!({"type": format!("organizationMembership.{kind}"), "data": data}));
        assert_eq!(event, Ok(Event::Membership(Box::new(membership()))));
        let event =
            parse(&json!({"type": format!("organization.{kind}"), "data": data["organization"]}));
        assert_eq!(event, Ok(Event::Organization(membership().organization)));
    }
    let event = parse(&json!({"type": "organizationMembership.deleted", "data": data}));
    let deleted = Event::MembershipDeleted {
        clerk_id: "orgmem_2Sample".into(),
        membership: Some(Box::new(membership())),
    };
    assert_eq!(event, Ok(deleted));
    let thin = json!({"type": "organizationMembership.deleted", "data": {"id": "orgmem_2Sample"}});
    let deleted = Event::MembershipDeleted { clerk_id: "orgmem_2Sample".into(), membership: None };
    assert_eq!(parse(&thin), Ok(deleted));
    let gone =
        json!({"type": "organization.deleted", "data": {"id": "org_2Sample", "deleted": true}});
    assert_eq!(parse(&gone), Ok(Event::OrganizationDeleted { clerk_id: "org_2Sample".into() }));
}

#[test]
fn odd_descriptions_lose_only_what_is_odd() {
    let mut data = membership_data();
    data["role"] = json!("org:");
    data["organization"]["name"] = json!("A\u{0}");
    data["organization"]["created_by"] = json!(5);
    let Ok(Event::Membership(read)) =
        parse(&json!({"type": "organizationMembership.created", "data": data}))
    else {
        panic!("a membership")
    };
    let organization = &read.organization;
    assert_eq!((&read.role, &organization.name), (&None, &None));
    assert_eq!(organization.created_by, None);
    assert_eq!(read.user_id, "user_2Sample");
}

#[test]
fn ended_sessions_are_read_and_others_are_unknown() {
    for kind in ["session.ended", "session.removed", "session.revoked"] {
        let event = parse(&json!({"type": kind, "data": {"id": "sess_2Sample", "user_id": 5}}));
        let ended = Event::SessionEnded { session_id: "sess_2Sample".into(), user_id: None };
        assert_eq!(event, Ok(ended), "{kind}");
    }
    for kind in ["session.created", "email.created", "User.Created", ""] {
        let event = parse(&json!({"type": kind, "data": {"id": "x"}}));
        assert_eq!(event, Ok(Event::Unknown { event_type: kind.into() }));
        assert_eq!(parse(&json!({"type": kind})), Ok(Event::Unknown { event_type: kind.into() }));
    }
    let hostile = format!("a\r\nb é{}", "c".repeat(500));
    let Ok(Event::Unknown { event_type }) = parse(&json!({"type": hostile})) else {
        panic!("unknown")
    };
    assert_eq!(event_type, format!("ab{}", "c".repeat(98)));
}

#[test]
fn bodies_without_type_or_id_are_refused() {
    for body in [&b""[..], b"{", b"hello", b"\xFF", b"{} {}", b"{\"type\":\"user.deleted\",}"] {
        assert_eq!(Event::parse(body), Err(EventError::NotJson));
    }
    for body in [json!(null), json!([]), json!("user.deleted"), json!({}), json!({"type": 5})] {
        assert_eq!(parse(&body), Err(EventError::Malformed { member: "type" }), "{body}");
    }
    let long = "u".repeat(256);
    for kind in [
        "user.created",
        "user.updated",
        "user.deleted",
        "organization.created",
        "organization.updated",
        "organization.deleted",
        "organizationMembership.created",
        "organizationMembership.updated",
        "organizationMembership.deleted",
        "session.ended",
        "session.removed",
        "session.revoked",
    ] {
        for id in [
            json!(null),
            json!(5),
            json!(""),
            json!("a b"),
            json!("é"),
            json!("u\u{0}"),
            json!(long),
        ] {
            let event = parse(&json!({"type": kind, "data": {"id": id}}));
            assert_eq!(event, Err(EventError::Malformed { member: "id" }), "{kind} {id}");
        }
        for data in [json!(null), json!([]), json!("user_2Sample")] {
            let event = parse(&json!({"type": kind, "data": data}));
            assert_eq!(event, Err(EventError::Malformed { member: "id" }), "{kind} {data}");
        }
    }
    for (path, member) in [("/public_user_data/user_id", "user_id"), ("/organization/id", "id")] {
        let mut data = membership_data();
        *data.pointer_mut(path).unwrap() = json!(5);
        let event = parse(&json!({"type": "organizationMembership.created", "data": data}));
        assert_eq!(event, Err(EventError::Malformed { member }), "{path}");
    }
    for member in ["public_user_data", "organization"] {
        let mut data = membership_data();
        data.as_object_mut().unwrap().remove(member);
        let event = parse(&json!({"type": "organizationMembership.created", "data": data}));
        assert_eq!(event, Err(EventError::Malformed { member }));
    }
}

#[test]
fn debug_shows_no_address() {
    let user = user_event(&json!({
        "id": "u", "email_addresses": [{"email_address": "ada@example.com"}],
    }));
    assert!(user.profile.email.is_some());
    assert!(!format!("{:?}", Event::User(Box::new(user))).contains("ada@"));
}

/// JSON of any shape, with the member names that matter among the others.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(json!("user_2Sample")),
    ];
    let name = prop_oneof![
        Just("id".to_owned()),
        Just("email_addresses".to_owned()),
        Just("email_address".to_owned()),
        Just("primary_email_address_id".to_owned()),
        Just("verification".to_owned()),
        Just("first_name".to_owned()),
        Just("updated_at".to_owned()),
        Just("organization".to_owned()),
        Just("public_user_data".to_owned()),
        Just("user_id".to_owned()),
        any::<String>(),
    ];
    leaf.prop_recursive(4, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..8)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn no_bytes_break_the_reader(body in any::<Vec<u8>>()) {
        let _ = Event::parse(&body);
    }

    #[test]
    fn no_json_breaks_the_reader(
        data in any_json(),
        kind in prop::sample::select(vec![
            "user.updated", "user.deleted", "organization.updated", "organization.deleted",
            "organizationMembership.updated", "organizationMembership.deleted", "session.ended", "x",
        ]),
    ) {
        let _ = parse(&data);
        let _ = parse(&json!({"type": kind, "data": data}));
    }
}
