//! Where pictures are: every person and organization has one, of its initials.

use crate::dev::register::Person;

/// The address of a picture that shows some letters; `at` is where the issuer is.
pub(super) fn picture_of(letters: &str, at: &str) -> String {
    let letters: String =
        letters.chars().filter(|letter| letter.is_alphanumeric()).take(2).collect();
    let encoded: String = url::form_urlencoded::byte_serialize(letters.as_bytes()).collect();
    format!("{at}/v1/pictures?letters={encoded}")
}

/// Where the picture of a person is: their initials.
pub(super) fn picture_of_person(person: &Person, at: &str) -> String {
    let parts = [&person.first_name, &person.last_name];
    let mut initials: String =
        parts.into_iter().flatten().filter_map(|part| part.chars().next()).collect();
    if initials.is_empty() {
        initials = person.handle.chars().take(1).collect();
    }
    picture_of(&initials, at)
}
