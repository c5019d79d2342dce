//! Sign-ins and sign-ups under way: what is still asked for.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    pictures::picture_of_person,
    users::{email_id, phone_id},
};
use crate::dev::{
    clients::{SignIn, SignUp},
    register::{Person, Register},
};

/// How a code reaches a person. Nothing is sent here: the code is always the same.
#[derive(Clone, Serialize)]
struct Factor {
    strategy: &'static str,
    safe_identifier: String,
    primary: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_address_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_number_id: Option<String>,
}

#[derive(Serialize)]
struct Verification {
    object: &'static str,
    status: &'static str,
    strategy: &'static str,
    attempts: u32,
    expire_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_action: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    supported_strategies: Option<[&'static str; 1]>,
}

impl Verification {
    const fn new(strategy: &'static str, is_done: bool) -> Self {
        Self {
            object: "verification",
            status: if is_done { "verified" } else { "unverified" },
            strategy,
            attempts: 0,
            expire_at: None,
            next_action: None,
            supported_strategies: None,
        }
    }

    const fn of_sign_up(is_done: bool, is_prepared: bool) -> Self {
        let next_action = match (is_done, is_prepared) {
            (true, _) => "",
            (false, true) => "needs_attempt",
            (false, false) => "needs_prepare",
        };
        Self {
            next_action: Some(next_action),
            supported_strategies: Some(["email_code"]),
            ..Self::new("email_code", is_done)
        }
    }
}

/// What the sign-in form shows of the person.
#[derive(Serialize)]
struct UserData {
    first_name: Option<String>,
    last_name: Option<String>,
    image_url: String,
    has_image: bool,
}

/// A sign-in.
#[derive(Serialize)]
pub(crate) struct SignInObject {
    id: String,
    object: &'static str,
    status: &'static str,
    supported_identifiers: [&'static str; 2],
    identifier: Option<String>,
    user_data: Option<UserData>,
    supported_first_factors: Vec<Factor>,
    supported_second_factors: [(); 0],
    first_factor_verification: Option<Verification>,
    second_factor_verification: Option<Verification>,
    created_session_id: Option<String>,
}

impl SignInObject {
    /// How far it is; `at` is where the issuer is.
    pub(crate) fn new(attempt: &SignIn, register: &Register, at: &str) -> Self {
        let person = attempt.user_id.as_deref().and_then(|id| register.person(id));
        let status = match (&attempt.session_id, &person) {
            (Some(_), _) => "complete",
            (None, Some(_)) => "needs_first_factor",
            (None, None) => "needs_identifier",
        };
        let is_verified = attempt.session_id.is_some();
        let factor = person.and_then(factor);
        let verification = factor
            .as_ref()
            .filter(|_| attempt.is_prepared)
            .map(|factor| Verification::new(factor.strategy, is_verified));
        Self {
            id: attempt.id.clone(),
            object: "sign_in",
            status,
            supported_identifiers: ["email_address", "phone_number"],
            identifier: attempt.identifier.clone(),
            user_data: person.map(|person| UserData {
                first_name: person.first_name.clone(),
                last_name: person.last_name.clone(),
                image_url: picture_of_person(person, at),
                has_image: false,
            }),
            supported_first_factors: factor.into_iter().collect(),
            supported_second_factors: [],
            first_factor_verification: verification,
            second_factor_verification: None,
            created_session_id: attempt.session_id.clone(),
        }
    }
}

fn factor(person: &Person) -> Option<Factor> {
    if let Some(email) = &person.email {
        return Some(Factor {
            strategy: "email_code",
            safe_identifier: email.clone(),
            primary: true,
            email_address_id: Some(email_id(person)),
            phone_number_id: None,
        });
    }
    person.phone.as_ref().map(|phone| Factor {
        strategy: "phone_code",
        safe_identifier: phone.clone(),
        primary: true,
        email_address_id: None,
        phone_number_id: Some(phone_id(person)),
    })
}

/// A sign-up.
#[derive(Serialize)]
pub(crate) struct SignUpObject {
    id: String,
    object: &'static str,
    status: &'static str,
    required_fields: [&'static str; 1],
    optional_fields: [&'static str; 2],
    missing_fields: Vec<&'static str>,
    unverified_fields: Vec<&'static str>,
    verifications: Verifications,
    username: Option<String>,
    email_address: Option<String>,
    phone_number: Option<String>,
    web3_wallet: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    has_password: bool,
    external_account: Option<()>,
    external_account_strategy: Option<()>,
    unsafe_metadata: Map<String, Value>,
    created_session_id: Option<String>,
    created_user_id: Option<String>,
    abandon_at: Option<i64>,
    legal_accepted_at: Option<i64>,
    locale: Option<String>,
}

#[derive(Serialize)]
struct Verifications {
    email_address: Option<Verification>,
    phone_number: Option<Verification>,
    web3_wallet: Option<Verification>,
    external_account: Option<Verification>,
}

impl SignUpObject {
    /// How far it is.
    pub(crate) fn new(attempt: &SignUp) -> Self {
        let is_done = attempt.session_id.is_some();
        let has_email = attempt.email.is_some();
        let email_address =
            has_email.then(|| Verification::of_sign_up(is_done, attempt.is_prepared));
        Self {
            id: attempt.id.clone(),
            object: "sign_up",
            status: if is_done { "complete" } else { "missing_requirements" },
            required_fields: ["email_address"],
            optional_fields: ["first_name", "last_name"],
            missing_fields: if has_email { Vec::new() } else { vec!["email_address"] },
            unverified_fields: if has_email && !is_done {
                vec!["email_address"]
            } else {
                Vec::new()
            },
            verifications: Verifications {
                email_address,
                phone_number: None,
                web3_wallet: None,
                external_account: None,
            },
            username: None,
            email_address: attempt.email.clone(),
            phone_number: None,
            web3_wallet: None,
            first_name: attempt.first_name.clone(),
            last_name: attempt.last_name.clone(),
            has_password: false,
            external_account: None,
            external_account_strategy: None,
            unsafe_metadata: Map::new(),
            created_session_id: attempt.session_id.clone(),
            created_user_id: attempt.user_id.clone(),
            abandon_at: None,
            legal_accepted_at: None,
            locale: None,
        }
    }
}
