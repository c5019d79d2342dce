//! People as Clerk shows them: in full to themselves and to servers, in short to others.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{organizations::MembershipObject, pictures::picture_of_person};
use crate::dev::register::{Person, Register};

/// What Clerk calls a user. The same object for the browser, for servers and in events.
#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "the shape is Clerk's")]
pub(crate) struct UserObject {
    id: String,
    object: &'static str,
    external_id: Option<String>,
    username: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    image_url: String,
    has_image: bool,
    profile_image_id: &'static str,
    primary_email_address_id: Option<String>,
    primary_phone_number_id: Option<String>,
    primary_web3_wallet_id: Option<String>,
    email_addresses: Vec<EmailAddress>,
    phone_numbers: Vec<PhoneNumber>,
    web3_wallets: [(); 0],
    external_accounts: [(); 0],
    enterprise_accounts: [(); 0],
    saml_accounts: [(); 0],
    passkeys: [(); 0],
    organization_memberships: Vec<MembershipObject>,
    password_enabled: bool,
    totp_enabled: bool,
    backup_code_enabled: bool,
    two_factor_enabled: bool,
    banned: bool,
    locked: bool,
    public_metadata: Map<String, Value>,
    unsafe_metadata: Map<String, Value>,
    last_sign_in_at: Option<i64>,
    create_organization_enabled: bool,
    create_organizations_limit: Option<u32>,
    delete_self_enabled: bool,
    legal_accepted_at: Option<i64>,
    created_at: i64,
    updated_at: i64,
}

#[derive(Serialize)]
struct EmailAddress {
    id: String,
    object: &'static str,
    #[serde(rename = "email_address")]
    address: String,
    verification: Verified,
    linked_to: [(); 0],
    matches_sso_connection: bool,
}

#[derive(Serialize)]
struct PhoneNumber {
    id: String,
    object: &'static str,
    #[serde(rename = "phone_number")]
    number: String,
    reserved_for_second_factor: bool,
    default_second_factor: bool,
    verification: Verified,
    linked_to: [(); 0],
}

#[derive(Serialize)]
struct Verified {
    object: &'static str,
    status: &'static str,
    strategy: &'static str,
    attempts: u32,
    expire_at: Option<i64>,
}

const fn verified(strategy: &'static str) -> Verified {
    Verified { object: "verification", status: "verified", strategy, attempts: 1, expire_at: None }
}

/// The id of a person's e-mail address.
pub(crate) fn email_id(person: &Person) -> String {
    format!("idn_{}", person.clerk_id.trim_start_matches("user_"))
}

/// The id of a person's telephone number.
pub(crate) fn phone_id(person: &Person) -> String {
    format!("{}_phone", email_id(person))
}

impl UserObject {
    /// The person and what they are in; `at` is where the issuer is, for pictures.
    pub(crate) fn new(person: &Person, register: &Register, at: &str) -> Self {
        let email_addresses = person.email.iter().map(|email| EmailAddress {
            id: email_id(person),
            object: "email_address",
            address: email.clone(),
            verification: verified("email_code"),
            linked_to: [],
            matches_sso_connection: false,
        });
        let phone_numbers = person.phone.iter().map(|phone| PhoneNumber {
            id: phone_id(person),
            object: "phone_number",
            number: phone.clone(),
            reserved_for_second_factor: false,
            default_second_factor: false,
            verification: verified("phone_code"),
            linked_to: [],
        });
        let own = register.memberships.iter().filter(|one| one.user_id == person.clerk_id);
        Self {
            id: person.clerk_id.clone(),
            object: "user",
            external_id: None,
            username: None,
            first_name: person.first_name.clone(),
            last_name: person.last_name.clone(),
            image_url: picture_of_person(person, at),
            has_image: false,
            profile_image_id: "",
            primary_email_address_id: person.email.as_ref().map(|_| email_id(person)),
            primary_phone_number_id: person.phone.as_ref().map(|_| phone_id(person)),
            primary_web3_wallet_id: None,
            email_addresses: email_addresses.collect(),
            phone_numbers: phone_numbers.collect(),
            web3_wallets: [],
            external_accounts: [],
            enterprise_accounts: [],
            saml_accounts: [],
            passkeys: [],
            organization_memberships: own
                .filter_map(|membership| MembershipObject::new(membership, register, at))
                .collect(),
            password_enabled: false,
            totp_enabled: false,
            backup_code_enabled: false,
            two_factor_enabled: false,
            banned: false,
            locked: false,
            public_metadata: Map::new(),
            unsafe_metadata: Map::new(),
            last_sign_in_at: None,
            create_organization_enabled: true,
            create_organizations_limit: None,
            delete_self_enabled: true,
            legal_accepted_at: None,
            created_at: person.created_at,
            updated_at: person.updated_at,
        }
    }
}

/// What remains to be said of something deleted.
#[derive(Serialize)]
pub(crate) struct Deleted<'a> {
    id: &'a str,
    object: &'static str,
    #[serde(rename = "deleted")]
    is_gone: bool,
}

impl<'a> Deleted<'a> {
    /// `object` is Clerk's word for its kind.
    pub(crate) const fn new(object: &'static str, id: &'a str) -> Self {
        Self { id, object, is_gone: true }
    }
}
