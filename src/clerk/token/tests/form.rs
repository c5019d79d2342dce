//! The form of a token (rules 8 to 17).

use super::*;

#[test]
fn a_token_is_three_parts() {
    let good = sign(HEADER, payload(&json!({})));
    let (header, rest) = good.split_once('.').unwrap();
    let (body, signature) = rest.split_once('.').unwrap();
    for token in [
        String::new(),
        ".".into(),
        "..".into(),
        "...".into(),
        header.into(),
        format!("{header}.{body}"),
        format!("{good}."),
        format!(".{good}"),
        format!("{good}.{signature}"),
        format!("{good}.a.b"),
        format!("{header}..{signature}"),
        format!("{header}.{body}."),
        format!(".{body}.{signature}"),
    ] {
        assert_eq!(reason(verify(&token)), "not_three_parts", "rule 8: {token}");
    }
}

#[test]
fn parts_are_strict_base64url() {
    let good = sign(HEADER, payload(&json!({})));
    let parts: Vec<&str> = good.split('.').collect();
    for position in 0..3 {
        for junk in ["=", "==", "+", "/", "!", "\n", "é", "%3D"] {
            let mut changed: Vec<String> = parts.iter().map(ToString::to_string).collect();
            changed[position].push_str(junk);
            let token = changed.join(".");
            assert_eq!(reason(verify(&token)), "encoding", "rules 14, 15: {position} {junk:?}");
        }
    }
    // A signature of 256 bytes ends in a character of which four bits are unused.
    let last = good.chars().last().unwrap();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let index = alphabet.find(last).unwrap();
    let loose = alphabet.chars().nth(index + 1).unwrap();
    let token = format!("{}{loose}", &good[..good.len() - 1]);
    assert_eq!(reason(verify(&token)), "encoding", "rule 15: loose trailing bits");
}

#[test]
fn parts_are_objects_in_utf8() {
    let utf16: Vec<u8> = payload(&json!({})).encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut marked = b"\xEF\xBB\xBF".to_vec();
    marked.extend(payload(&json!({})).bytes());
    let mut latin = payload(&json!({"name": "X"})).into_bytes();
    let place = latin.iter().position(|byte| *byte == b'X').unwrap();
    latin[place] = 0xE9;
    let cases: [(u8, &[u8], &[u8]); 11] = [
        (9, b"[]", b"{}"),
        (9, b"null", b"{}"),
        (9, b"\"RS256\"", b"{}"),
        (9, b"{", b"{}"),
        (10, HEADER.as_bytes(), b"[]"),
        (10, HEADER.as_bytes(), b"null"),
        (10, HEADER.as_bytes(), b"\"{}\""),
        (10, HEADER.as_bytes(), b"7"),
        (11, HEADER.as_bytes(), &utf16),
        (12, HEADER.as_bytes(), &marked),
        (13, HEADER.as_bytes(), &latin),
    ];
    for (row, header, payload) in cases {
        assert_eq!(reason(verify(&sign(header, payload))), "json", "rule {row}");
    }
}

#[test]
fn size_and_nesting_are_bounded() {
    let wide = payload(&json!({"x": "a".repeat(130_000)}));
    assert_eq!(reason(verify(&sign(HEADER, wide))), "too_long", "rule 16");
    for depth in [200, 2_000] {
        let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let header = header_with("x", &nested);
        assert_eq!(reason_for_header(&header), "json", "rule 17: header {depth}");
        assert_eq!(reason_for_raw_claim("x", &nested), "json", "rule 17: payload {depth}");
    }
    let nested = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    assert_eq!(reason_for_header(&header_with("x", &nested)), "too_long", "rule 17");
}
