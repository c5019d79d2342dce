//! Where pictures are: every person and organization has one, of its initials.

/// The address of a picture that shows some letters; `at` is where the issuer is.
pub(super) fn picture_of(letters: &str, at: &str) -> String {
    let letters: String =
        letters.chars().filter(|letter| letter.is_alphanumeric()).take(2).collect();
    let encoded: String = url::form_urlencoded::byte_serialize(letters.as_bytes()).collect();
    format!("{at}/v1/pictures?letters={encoded}")
}
