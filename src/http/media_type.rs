//! Which media type answers a request, from its `Accept` header (RFC 9110, section 12.5.1; GraphQL over
//! HTTP).

use axum::http::{HeaderMap, HeaderValue, header};

/// The media types of a GraphQL answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MediaType {
    /// `application/graphql-response+json`: the status tells how the request went.
    GraphqlResponse,
    /// `application/json`: a document that was refused is still a 200, for clients of old.
    Json,
}

impl MediaType {
    /// The `Content-Type`.
    pub(crate) const fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        })
    }
}

/// What a request would like to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wish {
    /// The GraphQL media type to answer with; `None` when none of ours is acceptable.
    pub(crate) media_type: Option<MediaType>,
    /// Whether it asks for HTML by name and likes it at least as much: a browser.
    pub(crate) prefers_html: bool,
}

/// Reads the `Accept` headers.
pub(crate) fn negotiate(headers: &HeaderMap) -> Wish {
    let mut json = Preference::default();
    let mut graphql = Preference::default();
    let mut html = 0;
    let mut is_empty = true;
    for value in headers.get_all(header::ACCEPT) {
        // A header that is not text asks for nothing we know.
        for range in value.to_str().unwrap_or("invalid/invalid").split(',') {
            let mut parts = range.split(';').map(str::trim);
            let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
            if essence.is_empty() {
                continue;
            }
            is_empty = false;
            let quality = quality(parts);
            match essence.as_str() {
                "*/*" => {
                    json.offer(1, quality);
                }
                "application/*" => {
                    json.offer(2, quality);
                }
                "application/json" => json.offer(3, quality),
                "application/graphql-response+json" => graphql.offer(3, quality),
                "text/html" | "application/xhtml+xml" => html = html.max(quality),
                _ => {}
            }
        }
    }
    if is_empty {
        return Wish { media_type: Some(MediaType::Json), prefers_html: false };
    }
    let media_type = match (graphql.quality, json.quality) {
        (0, 0) => None,
        (graphql, json) if graphql >= json => Some(MediaType::GraphqlResponse),
        _ => Some(MediaType::Json),
    };
    let named = if json.rank == 3 { json.quality } else { 0 };
    Wish { media_type, prefers_html: html > 0 && html >= graphql.quality.max(named) }
}

/// How much one type is wanted: the most specific range that covers it decides.
#[derive(Default)]
struct Preference {
    rank: u8,
    quality: u16,
}

impl Preference {
    fn offer(&mut self, rank: u8, quality: u16) {
        if rank > self.rank || (rank == self.rank && quality > self.quality) {
            *self = Self { rank, quality };
        }
    }
}

/// The weight in thousandths; 1 when there is none, 0 when it cannot be read.
pub(crate) fn quality<'a>(parameters: impl Iterator<Item = &'a str>) -> u16 {
    for parameter in parameters {
        if let Some((name, value)) = parameter.split_once('=')
            && name.trim().eq_ignore_ascii_case("q")
        {
            let Ok(weight) = value.trim().parse::<f32>() else { return 0 };
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "clamped to what fits"
            )]
            return (weight.clamp(0.0, 1.0) * 1000.0) as u16;
        }
    }
    1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_headers_are_read_as_written() {
        use MediaType::{GraphqlResponse, Json};
        let gql = "application/graphql-response+json";
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        let cases: &[(&str, Option<MediaType>, bool)] = &[
            ("", Some(Json), false),
            ("*/*", Some(Json), false),
            ("application/*", Some(Json), false),
            ("application/json", Some(Json), false),
            (gql, Some(GraphqlResponse), false),
            (&format!("{gql},application/json;q=0.9"), Some(GraphqlResponse), false),
            (&format!("application/json, {gql}"), Some(GraphqlResponse), false),
            (&format!("application/json, {gql};q=0.5"), Some(Json), false),
            (&format!("{gql};q=0, */*"), Some(Json), false),
            ("application/json;q=0", None, false),
            ("text/plain", None, false),
            ("text/plain, */*;q=0.1", Some(Json), false),
            ("APPLICATION/JSON; Q=0.3", Some(Json), false),
            (browser, Some(Json), true),
            ("text/html", None, true),
            ("text/html;q=0.1, application/json", Some(Json), false),
            ("image/avif;q=x", None, false),
        ];
        for (accept, media_type, prefers_html) in cases {
            let mut headers = HeaderMap::new();
            if !accept.is_empty() {
                headers.insert(header::ACCEPT, accept.parse().unwrap());
            }
            let expected = Wish { media_type: *media_type, prefers_html: *prefers_html };
            assert_eq!(negotiate(&headers), expected, "{accept}");
        }
    }
}
