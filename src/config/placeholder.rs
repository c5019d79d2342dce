//! Recognises the stand-ins of examples and templates (`sk_live_...`, `changeme`, `your-token`),
//! so that a copied example is refused at start instead of failing, or working, later.

/// Beginnings that a stand-in shares with the real thing.
const PREFIXES: [&str; 5] = ["sk_test_", "sk_live_", "pk_test_", "pk_live_", "whsec_"];

/// Stand-ins once case, blanks and punctuation are taken away. Long enough that random text does
/// not contain one by chance.
const PHRASES: [&str; 12] = [
    "changeme",
    "changethis",
    "replaceme",
    "replacethis",
    "replacewith",
    "placeholder",
    "yoursecret",
    "yourkey",
    "yourtoken",
    "yourclerk",
    "secrethere",
    "keygoeshere",
];

/// Whether a credential is a stand-in rather than a value somebody generated.
pub(super) fn is_placeholder(text: &str) -> bool {
    let rest =
        PREFIXES.iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(text).to_lowercase();
    let words: String = rest.chars().filter(|c| c.is_alphanumeric()).collect();
    let bracketed = rest.contains('<') && rest.contains('>') || rest.contains("${");
    rest.contains("...")
        || rest.contains('\u{2026}')
        || bracketed
        || PHRASES.iter().any(|phrase| words.contains(phrase))
        || ["your-", "your_", "your "].iter().any(|start| rest.starts_with(start))
        || is_filler(&rest)
}

/// One character over and over, or nothing but the marks people use for "something goes here".
fn is_filler(text: &str) -> bool {
    let repeated = text.chars().next().is_some_and(|first| text.chars().all(|c| c == first));
    repeated || text.chars().all(|c| matches!(c, 'x' | '*' | '.' | '-' | '_' | '#' | '?'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stand_ins_are_recognised() {
        for text in [
            "sk_live_...",
            "sk_live_\u{2026}",
            "sk_test_xxx",
            "sk_test_XXXXXXXXXXXXXXXX",
            "sk_test_xxxx_xxxx",
            "sk_test_****",
            "sk_test_",
            "sk_test_your_secret_key",
            "sk_live_YOUR-KEY",
            "sk_live_REPLACE_ME",
            "<your key>",
            "${CLERK_SECRET_KEY}",
            "whsec_...",
            "whsec_changeme",
            "pk_live_...",
            "changeme",
            "CHANGE-ME-to-something-long-and-random-0123456789",
            "please_change_me_0123456789012345678901234567890123456789",
            "replace_me",
            "your-very-long-local-auth-token-of-at-least-fifty-characters",
            "00000000000000000000000000000000000000000000000000",
        ] {
            assert!(is_placeholder(text), "{text}");
        }
    }

    #[test]
    fn real_values_are_not() {
        for text in [
            "sk_test_emulate",
            "sk_live_aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5z",
            "sk_test_xY9",
            "whsec_MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1u",
            "pk_test_Y2xlcmsuZXhhbXBsZS5jb20k",
            "0123456789abcdef0123456789abcdef0123456789abcdef01",
        ] {
            assert!(!is_placeholder(text), "{text}");
        }
    }
}
