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
    graphql::Responder,
    media_type::{MediaType, Wish, negotiate},
    request_id::RequestId,
    rest_error::RestError,
};
use crate::error::ApiError;

/// The path of the GraphQL endpoint.
pub(crate) const GRAPHQL: &str = "/graphql";

/// The shape of errors that a request gets.
pub(crate) enum ErrorFormat {
    /// GraphQL, with the media type to answer in.
    Graphql(MediaType, RequestId),
    /// Everything else.
    Rest,
}

impl ErrorFormat {
    /// The shape for a request that [`survive_panics`] has seen.
    pub(crate) fn of(request: &Request) -> Self {
        let extensions = request.extensions();
        match (extensions.get::<Wish>(), extensions.get::<RequestId>()) {
            (Some(wish), Some(request_id)) => {
                let media_type = wish.media_type.unwrap_or(MediaType::Json);
                Self::Graphql(media_type, request_id.clone())
            }
            _ => Self::Rest,
        }
    }

    /// A request refused for a reason of HTTP.
    pub(crate) fn refuse(
        &self,
        status: StatusCode,
        message: impl Into<Cow<'static, str>>,
    ) -> Response {
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
/// Negotiates the media type of a GraphQL answer, which the handler and every error before it need.
pub(crate) async fn survive_panics<A: Future<Output = Response>>(
    mut request: Request,
    next: impl FnOnce(Request) -> A,
) -> Response {
    if request.uri().path() == GRAPHQL {
        let wish = negotiate(request.headers());
        request.extensions_mut().insert(wish);
    }
    let format = ErrorFormat::of(&request);
    let answer = AssertUnwindSafe(async { next(request).await }).catch_unwind().await;
    answer.unwrap_or_else(|_panic| format.broken())
}
