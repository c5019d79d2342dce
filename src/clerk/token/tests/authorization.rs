//! The `Authorization` header (rules 2 to 7 and 16).

use super::*;

#[test]
fn one_bearer_token_is_taken_from_the_headers() {
    let none: [&[u8]; 0] = [];
    assert_eq!(bearer_token(none), Ok(None), "rule 7: a cookie is not looked at");
    for value in ["Bearer a.b.c", "bearer a.b.c", "BEARER a.b.c", "bEaReR   a.b.c"] {
        assert_eq!(bearer_token([value]), Ok(Some("a.b.c")), "rule 2: {value}");
    }
    let longest = format!("Bearer {}", "a".repeat(MAX_TOKEN));
    assert_eq!(bearer_token([longest.as_str()]).unwrap().unwrap().len(), MAX_TOKEN);
}

#[test]
fn any_other_authorization_is_refused() {
    let too_long = format!("Bearer {}", "a".repeat(MAX_TOKEN + 1));
    let cases: &[(u8, &[u8], &str)] = &[
        (3, b"a.b.c", "not_bearer"),
        (3, b"", "not_bearer"),
        (3, b" a.b.c", "not_bearer"),
        (3, b"Basic YTpi", "not_bearer"),
        (3, b"Bearera.b.c", "not_bearer"),
        (3, b"Bearer\ta.b.c", "not_bearer"),
        (4, b"Bearer Bearer a.b.c", "not_one_token"),
        (5, b"Bearer a.b.c d", "not_one_token"),
        (5, b"Bearer a.b.c ", "not_one_token"),
        (5, b"Bearer a.b.c\td", "not_one_token"),
        (5, b"Bearer a.b.c, Bearer d.e.f", "not_one_token"),
        (5, b"Bearer", "not_one_token"),
        (5, b"Bearer  ", "not_one_token"),
        (5, b"Bearer \xC3\xA9", "not_one_token"),
        (5, b"Bearer \xFF", "not_one_token"),
        (16, too_long.as_bytes(), "too_long"),
    ];
    for (row, value, expected) in cases {
        let text = String::from_utf8_lossy(value);
        assert_eq!(reason(bearer_token([*value])), *expected, "rule {row}: {text:.40}");
    }
    assert_eq!(reason(bearer_token(["Bearer a", "Bearer a"])), "several_headers", "rule 6");
    assert_eq!(reason(bearer_token(["", "Bearer a"])), "several_headers", "rule 6");
}

#[test]
fn header_values_of_a_request_are_accepted_as_they_are() {
    let mut headers = axum::http::HeaderMap::new();
    headers.insert("authorization", "Bearer a.b.c".parse().unwrap());
    assert_eq!(bearer_token(headers.get_all("authorization")), Ok(Some("a.b.c")));
    headers.append("authorization", "Bearer a.b.c".parse().unwrap());
    assert_eq!(reason(bearer_token(headers.get_all("authorization"))), "several_headers");
}
