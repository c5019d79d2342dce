//! What people may type: bounds that keep nonsense out of the register.

use crate::dev::errors::Refusal;

/// The longest name, in Unicode scalar values.
const LONGEST_NAME: usize = 100;
/// The longest e-mail address (RFC 3696, erratum 1690).
const LONGEST_EMAIL: usize = 254;

/// A name without blanks around it; `None` when nothing is left.
pub(super) fn name(parameter: &'static str, text: &str) -> Result<Option<String>, Refusal> {
    let text = text.trim();
    if text.chars().count() > LONGEST_NAME {
        let message = format!("This is longer than {LONGEST_NAME} characters.");
        return Err(Refusal::of_input(parameter, "form_param_max_length_exceeded", message));
    }
    if text.chars().any(char::is_control) {
        let message = "This contains characters that cannot be shown.";
        return Err(Refusal::of_input(parameter, "form_param_format_invalid", message));
    }
    Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
}

/// A name that may not be missing.
pub(super) fn required_name(
    parameter: &'static str,
    text: Option<&str>,
) -> Result<String, Refusal> {
    let name = name(parameter, text.unwrap_or_default())?;
    name.ok_or_else(|| Refusal::of_input(parameter, "form_param_nil", "Enter a name."))
}

/// An e-mail address in lower case. What is one is left to those who send mail.
pub(super) fn email(parameter: &'static str, text: &str) -> Result<String, Refusal> {
    let text = text.trim().to_lowercase();
    let is_address = text.len() <= LONGEST_EMAIL
        && !text.chars().any(|sign| sign.is_whitespace() || sign.is_control())
        && text.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && domain.contains('.') && !domain.contains('@')
        });
    if is_address {
        return Ok(text);
    }
    let message = "Email address must be a valid email address.";
    Err(Refusal::of_input(parameter, "form_param_format_invalid", message))
}
