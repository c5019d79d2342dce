//! The files the page is made of, pinned by their content: GraphiQL and React as published on npm, and
//! the page's own script and style. Knows nothing of modes or settings.

#[cfg(feature = "embedded-ui")]
use axum::http::{HeaderMap, header};

use aws_lc_rs::digest::{SHA256, digest};

/// Where the address of a [`PublishedFile`] begins.
#[cfg(feature = "embedded-ui")]
pub(crate) const BASE: &str = "ui/";
/// Where the address of a [`PublishedFile`] begins: a host that serves npm packages file by file, with
/// the CORS headers that `integrity` needs.
#[cfg(not(feature = "embedded-ui"))]
pub(crate) const BASE: &str = "https://cdn.jsdelivr.net/npm/";

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// JavaScript.
    Script,
    /// CSS.
    Style,
    /// Plain text.
    #[cfg(feature = "embedded-ui")]
    Text,
}

impl Kind {
    /// The `Content-Type`.
    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Script => "text/javascript; charset=utf-8",
            Self::Style => "text/css; charset=utf-8",
            #[cfg(feature = "embedded-ui")]
            Self::Text => "text/plain; charset=utf-8",
        }
    }
}

/// A file of an npm package.
#[derive(Debug)]
pub(crate) struct PublishedFile {
    /// What it is for.
    pub(crate) kind: Kind,
    /// Package, version and file, as npm CDNs write it. The version makes it immutable.
    pub(crate) path: &'static str,
    /// The hash by which the browser accepts it (Subresource Integrity).
    pub(crate) integrity: &'static str,
    /// What is served.
    #[cfg(feature = "embedded-ui")]
    pub(crate) content: Embedded,
}

macro_rules! published_files {
    ($($kind:ident $path:literal $integrity:literal)+) => {
        &[$(PublishedFile {
            kind: Kind::$kind,
            path: $path,
            integrity: $integrity,
            #[cfg(feature = "embedded-ui")]
            content: embedded!($path),
        }),+]
    };
}

#[cfg(feature = "embedded-ui")]
macro_rules! embedded {
    ($path:literal) => {
        Embedded {
            plain: include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/ui/dist/", $path)),
            brotli: include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/ui/dist/", $path, ".br")),
            gzip: include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/ui/dist/", $path, ".gz")),
        }
    };
}

/// What the page loads, in this order. `ui/build` checks that npm delivers the same.
pub(crate) static PUBLISHED: &[PublishedFile] = published_files! {
    Script "react@18.3.1/umd/react.production.min.js"
        "sha384-DGyLxAyjq0f9SPpVevD6IgztCFlnMF6oW/XQGmfe+IsZ8TqEiDrcHkMLKI6fiB/Z"
    Script "react-dom@18.3.1/umd/react-dom.production.min.js"
        "sha384-gTGxhz21lVGYNMcdJOyq01Edg0jhn/c22nsx0kyqP0TxaV5WVdsSH1fSDUf5YJj1"
    Script "graphiql@4.1.2/graphiql.min.js"
        "sha384-9XdHu7ajgGJziD4J1zNBKQ842Q/+zZfDv+ib1eMhZWBH6hPAs806x+Jbcf0yNO6B"
    Style "graphiql@4.1.2/graphiql.min.css"
        "sha384-1el1QShFBnnXTx9x/Cprg82hZWKt0ry29OAYIXt05swbi0KcZDFoj0CWguMpopJr"
};

/// The licences of the published files, for the builds that distribute them.
#[cfg(feature = "embedded-ui")]
pub(crate) static LICENSES: (&str, Embedded) = ("licenses.txt", embedded!("licenses.txt"));

/// A file of ours.
#[derive(Debug)]
pub(crate) struct OwnFile {
    /// What it is for.
    pub(crate) kind: Kind,
    /// Its name under `/ui/`.
    pub(crate) name: &'static str,
    /// Its content.
    pub(crate) content: &'static str,
}

impl OwnFile {
    /// Changes whenever the content does; in the address it lets browsers keep the file for ever.
    pub(crate) fn hash(&self) -> String {
        let digest = digest(&SHA256, self.content.as_bytes());
        let beginning = digest.as_ref().iter().take(8);
        format!("{:016x}", beginning.fold(0, |sum: u64, byte| sum << 8 | u64::from(*byte)))
    }
}

/// The style of the page around GraphiQL.
pub(crate) static PAGE_STYLE: OwnFile = OwnFile {
    kind: Kind::Style,
    name: "page.css",
    content: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/ui/page.css")),
};

/// The script of the page around GraphiQL.
pub(crate) static PAGE_SCRIPT: OwnFile = OwnFile {
    kind: Kind::Script,
    name: "page.js",
    content: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/ui/page.js")),
};

/// A file inside the binary, compressed when it was built.
#[cfg(feature = "embedded-ui")]
#[derive(Debug)]
pub(crate) struct Embedded {
    plain: &'static [u8],
    brotli: &'static [u8],
    gzip: &'static [u8],
}

#[cfg(feature = "embedded-ui")]
impl Embedded {
    /// The smallest form that a client takes, and the name of its coding; `None` for the plain one.
    /// The plain one also goes to a client that takes none of them: a file it refuses unread costs
    /// nobody more than an error would.
    pub(crate) fn encoded(&self, headers: &HeaderMap) -> (&'static [u8], Option<&'static str>) {
        let (mut brotli, mut gzip, mut any) = (None, None, 0);
        for value in headers.get_all(header::ACCEPT_ENCODING) {
            for coding in value.to_str().unwrap_or_default().split(',') {
                let mut parts = coding.split(';').map(str::trim);
                let name = parts.next().unwrap_or_default();
                let quality = crate::http::media_type::quality(parts);
                match name.to_ascii_lowercase().as_str() {
                    "br" => brotli = Some(quality),
                    "gzip" | "x-gzip" => gzip = Some(quality),
                    "*" => any = quality,
                    _ => {}
                }
            }
        }
        match (brotli.unwrap_or(any), gzip.unwrap_or(any)) {
            (0, 0) => (self.plain, None),
            (brotli, gzip) if brotli >= gzip => (self.brotli, Some("br")),
            _ => (self.gzip, Some("gzip")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_pinned_to_the_version_that_the_lock_file_names() {
        let lock = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/ui/package-lock.json"));
        let lock: serde_json::Value = serde_json::from_str(lock).unwrap();
        for file in PUBLISHED {
            let (package, rest) = file.path.split_once('@').unwrap();
            let (version, _) = rest.split_once('/').unwrap();
            let locked = &lock["packages"][format!("node_modules/{package}")]["version"];
            assert_eq!(locked, version, "{}", file.path);
            assert_eq!(file.integrity.len(), "sha384-".len() + 64, "{}", file.path);
        }
    }

    #[test]
    fn a_hash_follows_the_content() {
        let one = OwnFile { kind: Kind::Script, name: "a.js", content: "one" };
        let two = OwnFile { kind: Kind::Script, name: "a.js", content: "two" };
        assert_eq!(one.hash(), "7692c3ad3540bb80");
        assert_ne!(one.hash(), two.hash());
    }

    #[cfg(feature = "embedded-ui")]
    #[test]
    fn what_is_inside_is_what_is_pinned() {
        use base64::{Engine, engine::general_purpose::STANDARD};
        for file in PUBLISHED {
            let digest = digest(&aws_lc_rs::digest::SHA384, file.content.plain);
            let integrity = format!("sha384-{}", STANDARD.encode(digest));
            assert_eq!(integrity, file.integrity, "{}: run ui/build", file.path);
        }
    }

    #[cfg(feature = "embedded-ui")]
    #[test]
    fn a_client_gets_the_smallest_form_it_takes() {
        let file = Embedded { plain: b"plain", brotli: b"br", gzip: b"gzip" };
        let cases = [
            ("", None),
            ("gzip, deflate, br, zstd", Some("br")),
            ("gzip", Some("gzip")),
            ("br;q=0.5, gzip", Some("gzip")),
            ("br;q=0, gzip;q=0", None),
            ("*", Some("br")),
            ("*, br;q=0", Some("gzip")),
            ("identity", None),
            ("GZIP;Q=0.1", Some("gzip")),
            ("zstd", None),
        ];
        for (accepted, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, accepted.parse().unwrap());
            let (content, coding) = file.encoded(&headers);
            assert_eq!(coding, expected, "{accepted}");
            assert_eq!(content, coding.unwrap_or("plain").as_bytes(), "{accepted}");
        }
    }
}
