//! Errors in Clerk's shape, which its SDK shows to people and acts upon.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;

/// One refusal: `{"errors": [{"code", "message", "long_message", "meta"}], "clerk_trace_id"}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    parameter: Option<&'static str>,
}

#[derive(Serialize)]
struct Body<'a> {
    errors: [Entry<'a>; 1],
    clerk_trace_id: &'static str,
}

#[derive(Serialize)]
struct Entry<'a> {
    code: &'a str,
    message: &'a str,
    long_message: &'a str,
    meta: Meta<'a>,
}

#[derive(Serialize)]
struct Meta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    param_name: Option<&'a str>,
}

impl Refusal {
    /// With a status and a code of Clerk's.
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), parameter: None }
    }

    /// A mistake in what a person typed; the SDK shows it beside the field `parameter`.
    pub(crate) fn of_input(
        parameter: &'static str,
        code: &'static str,
        message: impl Into<String>,
    ) -> Self {
        let refusal = Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, message);
        Self { parameter: Some(parameter), ..refusal }
    }

    /// There is no such thing.
    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "resource_not_found", "not found")
    }

    /// Nobody is signed in, or the session is over. The SDK looks at its sessions anew.
    pub(crate) fn signed_out() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "authentication_invalid",
            "Unable to authenticate the request, you are signed out.",
        )
    }

    /// The secret key is missing or another one.
    pub(crate) fn bad_key() -> Self {
        let message = "The provided Clerk Secret Key is invalid.";
        Self::new(StatusCode::UNAUTHORIZED, "clerk_key_invalid", message)
    }
}

/// Trouble of ours: a file that cannot be read or written.
impl From<anyhow::Error> for Refusal {
    fn from(error: anyhow::Error) -> Self {
        tracing::error!("the development issuer fails: {error:#}");
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self::new(status, "internal_clerk_error", "The log of the server says why.")
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let entry = Entry {
            code: self.code,
            message: &self.message,
            long_message: &self.message,
            meta: Meta { param_name: self.parameter },
        };
        let body = Body { errors: [entry], clerk_trace_id: "development" };
        (self.status, Json(body)).into_response()
    }
}
