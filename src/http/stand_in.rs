//! Answers in place of a handler's, for requests that reach none or whose handler broke down, in the
//! shape of the face that was asked: GraphQL's errors for `/graphql`, `detail` for everything else.

use std::{borrow::Cow, panic::AssertUnwindSafe};

use axum::{
    extract::Request,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;

use super::{
    graphql_response::Responder,
    media_type::{MediaType, negotiate},
    request_id::RequestId,
    rest_error::RestError,
};
use crate::graphql::error::ApiError;

/// The path of the GraphQL endpoint.
pub const GRAPHQL: &str = "/graphql";

/// The face that a request asked.
pub enum Face {
    /// GraphQL, with the media type to answer in.
    Graphql(MediaType, RequestId),
    /// Everything else.
    Rest,
}

impl Face {
    /// The face that `request` asks.
    pub fn of(request: &Request) -> Self {
        let request_id = request.extensions().get::<RequestId>();
        match request_id {
            Some(request_id) if request.uri().path() == GRAPHQL => {
                let media_type = negotiate(request.headers()).media_type;
                Self::Graphql(media_type.unwrap_or(MediaType::Json), request_id.clone())
            }
            _ => Self::Rest,
        }
    }

    /// A request refused for a reason of HTTP.
    pub fn refuse(&self, status: StatusCode, message: impl Into<Cow<'static, str>>) -> Response {
        let message = message.into();
        match self {
            Self::Graphql(media_type, request_id) => {
                Responder { media_type: *media_type, request_id }.unreadable(status, &message)
            }
            Self::Rest => RestError::new(status, message).into_response(),
        }
    }

    /// A fault of ours.
    fn broken(&self) -> Response {
        let error = ApiError::internal();
        match self {
            Self::Graphql(media_type, request_id) => {
                Responder { media_type: *media_type, request_id }.failed(&error)
            }
            Self::Rest => {
                RestError::new(StatusCode::INTERNAL_SERVER_ERROR, error.message).into_response()
            }
        }
    }
}

/// Answers in place of a handler that panics; otherwise the connection would be closed without a word.
/// What it said is logged by the panic hook ([`log_panics`](crate::telemetry::log_panics)), never sent.
pub async fn survive_panics<A: Future<Output = Response>>(
    request: Request,
    next: impl FnOnce(Request) -> A,
) -> Response {
    let face = Face::of(&request);
    let answer = AssertUnwindSafe(async { next(request).await }).catch_unwind().await;
    answer.unwrap_or_else(|_panic| face.broken())
}
