//! A person as others in the same organization see them.

use serde::Serialize;

use super::pictures::picture_of_person;
use crate::dev::register::Person;

/// What others in the same organization see of a person.
#[derive(Serialize)]
pub(crate) struct PublicUserData {
    user_id: String,
    first_name: Option<String>,
    last_name: Option<String>,
    image_url: String,
    has_image: bool,
    identifier: String,
    username: Option<String>,
    banned: bool,
    profile_image_id: &'static str,
}

impl PublicUserData {
    /// In short.
    pub(crate) fn new(person: &Person, at: &str) -> Self {
        let identifier = person.email.as_ref().or(person.phone.as_ref());
        Self {
            user_id: person.clerk_id.clone(),
            first_name: person.first_name.clone(),
            last_name: person.last_name.clone(),
            image_url: picture_of_person(person, at),
            has_image: false,
            identifier: identifier.cloned().unwrap_or_default(),
            username: None,
            banned: false,
            profile_image_id: "",
        }
    }
}
