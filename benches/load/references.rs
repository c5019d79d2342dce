//! The servers to compare with. They know neither users nor a database.

use std::sync::Arc;

use async_graphql::{
    ComplexObject, EmptyMutation, EmptySubscription, Object, Schema, SimpleObject,
};
use axum::{
    Router,
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
    routing::any,
};
use mission_control::{
    clerk::{
        key::VerifyingKey,
        token::{Expectations, UnverifiedToken, bearer_token},
    },
    clock::{Clock, SystemClock},
};
use tokio::net::TcpListener;

use crate::data::PUBLIC_KEY;

const CONSTANT: &str = r#"{"data":{"me":{"id":"01890a5d-ac96-774b-bcce-b302099a8057","email":"user@example.com","name":"Sample Person","displayName":"Sample Person","memberships":{"nodes":[{"id":"01890a5d-ac96-774b-bcce-b302099a8057","role":"OWNER","organization":{"id":"01890a5d-ac96-774b-bcce-b302099a8057","name":"Personal"}}]}}}}"#;

/// Serves one of them, in this process.
pub(crate) async fn serve(kind: &str, address: &str) {
    let json = [(header::CONTENT_TYPE, "application/json")];
    let router = if kind == "stock" {
        let schema = Schema::new(StockQuery, EmptyMutation, EmptySubscription);
        Router::new().fallback_service(async_graphql_axum::GraphQL::new(schema))
    } else if kind == "static" {
        Router::new().fallback(any(move || async move { (json, CONSTANT) }))
    } else {
        let key = Arc::new(VerifyingKey::from_pem(PUBLIC_KEY).unwrap());
        let expectations = Arc::new(Expectations {
            leeway: chrono::TimeDelta::seconds(10),
            verify_iat: true,
            issuers: Vec::new(),
            audiences: Vec::new(),
            authorized_parties: Vec::new(),
        });
        Router::new().fallback(any(move |headers: HeaderMap| async move {
            let token = bearer_token(headers.get_all(header::AUTHORIZATION)).ok().flatten();
            let claims = token.and_then(|token| {
                let now = SystemClock.now();
                UnverifiedToken::parse(token).ok()?.verify(&key, &expectations, now).ok()
            });
            match claims {
                Some(_) => (json, CONSTANT).into_response(),
                None => StatusCode::UNAUTHORIZED.into_response(),
            }
        }))
    };
    let listener = TcpListener::bind(address).await.unwrap();
    axum::serve(listener, router).await.unwrap();
}

/// The same shape of answer from the framework's own axum integration, without token or database.
struct StockQuery;

#[Object]
impl StockQuery {
    async fn me(&self) -> StockUser {
        StockUser {
            id: 1,
            email: "user@example.com",
            name: "Sample Person",
            display_name: "Sample Person",
        }
    }
}

#[derive(SimpleObject)]
#[graphql(complex)]
struct StockUser {
    id: i32,
    email: &'static str,
    name: &'static str,
    display_name: &'static str,
}

#[ComplexObject]
impl StockUser {
    async fn memberships(&self) -> StockMemberships {
        let organization = StockOrganization { id: 1, name: "Personal" };
        let membership = StockMembership { id: 1, role: "OWNER", organization };
        StockMemberships { nodes: vec![membership; 3] }
    }
}

#[derive(SimpleObject)]
struct StockMemberships {
    nodes: Vec<StockMembership>,
}

#[derive(SimpleObject, Clone)]
struct StockMembership {
    id: i32,
    role: &'static str,
    organization: StockOrganization,
}

#[derive(SimpleObject, Clone)]
struct StockOrganization {
    id: i32,
    name: &'static str,
}
