//! Reading a request's body, bounded in size and time, and as JSON.

use std::time::Duration;

use axum::{
    body::{Body, Bytes, HttpBody},
    http::{HeaderMap, StatusCode, header},
};
use http_body_util::BodyExt;
use serde_json::Value;

use super::in_flight::{InFlight, NoFit};
use crate::serving::PIECE_COST;

/// A body comes in at most as many pieces as one of the largest size does in pieces of
/// [`PIECE_COST`] bytes, and these beyond.
const SPARE_PIECES: usize = 1024;
/// U+FEFF in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// The most characters of the name of a coding that are repeated.
const LONGEST_CODING: usize = 20;

/// Why a body was not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// Longer than allowed.
    TooLarge,
    /// Not complete in time.
    TooSlow,
    /// The client stopped sending.
    Broken,
    /// In more and smaller pieces than any network makes of it.
    TooManyPieces,
    /// Too many other bodies and answers are in flight.
    NoRoom,
}

impl BodyError {
    /// Status and text of the answer; `None` for [`BodyError::NoRoom`], which is no fault of the client.
    pub(crate) const fn refusal(self) -> Option<(StatusCode, &'static str)> {
        Some(match self {
            Self::TooLarge => {
                (StatusCode::PAYLOAD_TOO_LARGE, "The body is longer than allowed (MAX_BODY_BYTES).")
            }
            Self::TooSlow => {
                (StatusCode::REQUEST_TIMEOUT, "The body was not complete in time (BODY_TIMEOUT).")
            }
            Self::Broken => (StatusCode::BAD_REQUEST, "The body ended before it was complete."),
            Self::TooManyPieces => (
                StatusCode::BAD_REQUEST,
                "The body comes in too many small pieces. Send it in fewer, larger ones.",
            ),
            Self::NoRoom => return None,
        })
    }
}

/// Reads a body of at most `limit` bytes within `time`. One that is announced to be longer is not
/// read at all. The bytes count as in flight until they are dropped.
pub(crate) async fn read(
    body: Body,
    limit: usize,
    time: Duration,
    in_flight: &InFlight,
) -> Result<Bytes, BodyError> {
    if u64::try_from(limit).is_ok_and(|limit| body.size_hint().lower() > limit) {
        return Err(BodyError::TooLarge);
    }
    let reading = collect(body, limit, in_flight);
    tokio::time::timeout(time, reading).await.unwrap_or(Err(BodyError::TooSlow))
}

async fn collect(mut body: Body, limit: usize, in_flight: &InFlight) -> Result<Bytes, BodyError> {
    let mut buffer = in_flight.buffer(limit);
    let mut pieces = 0;
    while let Some(frame) = body.frame().await {
        pieces += 1;
        if pieces > SPARE_PIECES + limit / PIECE_COST {
            return Err(BodyError::TooManyPieces);
        }
        let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else { continue };
        buffer.push(&data).map_err(|no_fit| match no_fit {
            NoFit::TooLarge => BodyError::TooLarge,
            NoFit::NoRoom => BodyError::NoRoom,
        })?;
    }
    Ok(buffer.into_bytes())
}

/// The content coding of the body, such as `gzip`; `None` when there is none. No coding is undone here
/// (RFC 9110, section 8.4).
pub(crate) fn content_coding(headers: &HeaderMap) -> Option<String> {
    headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .flat_map(|value| value.to_str().unwrap_or("unknown").split(','))
        .map(|coding| coding.trim().to_ascii_lowercase())
        .find(|coding| !coding.is_empty() && coding != "identity")
        .map(|coding| coding.chars().take(LONGEST_CODING).collect())
}

/// Reads JSON in UTF-8. A byte order mark at the beginning is skipped (RFC 8259, section 8.1).
///
/// # Errors
///
/// What is wrong with the body, for people, without a word of it.
pub(crate) fn parse_json(bytes: &[u8]) -> Result<Value, String> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    serde_json::from_slice(bytes).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        let reason = error.to_string();
        if matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, b'{', ..] | [b'{', 0, ..]) {
            "The body is not JSON in UTF-8: it looks like UTF-16. Send it as UTF-8.".to_owned()
        } else if std::str::from_utf8(bytes).is_err() {
            "The body is not UTF-8.".to_owned()
        } else if reason.contains("surrogate") || reason.contains("hex escape") {
            format!(
                "The body is not JSON: {place}: a \\u escape is incomplete or half of a surrogate pair, \
                 which is no Unicode text."
            )
        } else {
            format!("The body is not JSON: {place}.")
        }
    })
}

/// Whether the body is announced to be JSON in UTF-8 (RFC 8259, section 8.1).
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let Ok(value) = value.to_str() else { return false };
    let mut parts = value.split(';').map(str::trim);
    parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"))
        && parts.filter(|parameter| !parameter.is_empty()).all(|parameter| {
            match parameter.split_once('=') {
                Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
                    value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
                }
                Some(_) => true,
                None => false,
            }
        })
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    #[tokio::test]
    async fn a_body_in_too_many_pieces_is_not_read_to_its_end() {
        let limit = 10 * PIECE_COST + SPARE_PIECES;
        let most = SPARE_PIECES + limit / PIECE_COST;
        for (pieces, expected) in [(most, Ok(most)), (most + 1, Err(BodyError::TooManyPieces))] {
            let pieces = stream::iter((0..pieces).map(|_| Ok::<_, std::io::Error>(" ")));
            let in_flight = InFlight::new(1 << 20);
            let body = Body::from_stream(pieces);
            let read = read(body, limit, Duration::from_secs(10), &in_flight).await;
            assert_eq!(read.map(|bytes| bytes.len()), expected);
            assert_eq!(in_flight.held(), 0);
        }
    }

    #[test]
    fn only_json_in_utf_8_is_json() {
        let cases = [
            ("application/json", true),
            ("Application/JSON; charset=UTF-8", true),
            ("application/json;charset=\"utf-8\"", true),
            ("application/json;", true),
            ("application/json; profile=x", true),
            ("application/json; charset=utf-16", false),
            ("application/json; charset", false),
            ("application/graphql", false),
            ("text/plain", false),
            ("application/jsonp", false),
            ("", false),
        ];
        for (value, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, value.parse().unwrap());
            assert_eq!(is_json(&headers), expected, "{value}");
        }
        assert!(!is_json(&HeaderMap::new()));
        let mut twice = HeaderMap::new();
        twice.append(header::CONTENT_TYPE, "application/json".parse().unwrap());
        twice.append(header::CONTENT_TYPE, "text/plain".parse().unwrap());
        assert!(!is_json(&twice));
    }
}
