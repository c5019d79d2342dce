//! `token inspect`: what a token says, and which rule accepts or refuses it.

use std::{
    fmt::Write as _,
    io::{self, Read},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context;
use chrono::{DateTime, Utc};
use clap::Args;
use reqwest::{Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::{
    app::open_development,
    auth::SharedToken,
    clerk::{
        http::ClerkHttp,
        key::{DEVELOPMENT_KEY_PREFIX, VerifyingKey},
        key_set::KeySet,
        token::{MAX_TOKEN, TokenError, TokenParts, UnverifiedToken},
    },
    clock::{Clock, SystemClock},
    commands::output::{BAD, GOOD, STRONG, harmless, paint, print_json, print_painted, time},
    config::{AuthSettings, ClerkSettings, Environment, Faults, Settings},
};

/// What is read of standard input at most: more than any token, its scheme and a line break.
const MAX_INPUT: u64 = 2 * MAX_TOKEN as u64;

#[derive(Args)]
pub(super) struct Arguments {
    /// The token, or - to read it from standard input, which other users of the machine cannot see
    #[arg(default_value = "-", hide_default_value = true)]
    token: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What the rules say.
struct Verdict {
    /// The short stable word that the log and the counters use; `accepted` for a good token.
    reason: &'static str,
    explanation: String,
    fix: Option<String>,
}

impl Verdict {
    fn refused(reason: &'static str, explanation: impl Into<String>, fix: &str) -> Self {
        Self { reason, explanation: explanation.into(), fix: Some(fix.to_owned()) }
    }

    fn of(error: &TokenError) -> Self {
        let fix = advice(error).to_owned();
        Self { reason: error.reason(), explanation: error.to_string(), fix: Some(fix) }
    }

    fn is_accepted(&self) -> bool {
        self.reason == ACCEPTED
    }
}

const ACCEPTED: &str = "accepted";

pub(super) async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let input = read(&arguments.token)?;
    // As it is copied from a request.
    let token = ["authorization:", "bearer "].into_iter().fold(input.trim(), |text, prefix| {
        match text.split_at_checked(prefix.len()) {
            Some((start, rest)) if start.eq_ignore_ascii_case(prefix) => rest.trim(),
            _ => text,
        }
    });
    let now = SystemClock.now();
    let parts = TokenParts::decode(token);
    let verdict = judge(token, parts.as_ref(), now).await?;
    let (header, claims) = match &parts {
        Ok(parts) => (Some(&parts.header), Some(&parts.payload)),
        Err(_) => (None, None),
    };
    if arguments.json {
        print_json(&json!({
            "header": header, "claims": claims, "accepted": verdict.is_accepted(),
            "rule": verdict.reason, "explanation": verdict.explanation, "fix": verdict.fix,
        }))?;
    } else {
        print_painted(&shown(header, claims, &verdict, now)?)?;
    }
    Ok(if verdict.is_accepted() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read(argument: &str) -> anyhow::Result<String> {
    if argument != "-" {
        return Ok(argument.to_owned());
    }
    let mut text = String::new();
    let read = io::stdin().lock().take(MAX_INPUT).read_to_string(&mut text);
    read.context("the token cannot be read from standard input")?;
    Ok(text)
}

/// Applies the rules of the configured mode; those of development mode to its own tokens.
async fn judge(
    token: &str,
    parts: Result<&TokenParts<'_>, &TokenError>,
    now: DateTime<Utc>,
) -> anyhow::Result<Verdict> {
    let is_of_development = parts.is_ok_and(|parts| {
        let key_id = parts.header.get("kid").and_then(Value::as_str);
        key_id.is_some_and(|id| id.starts_with(DEVELOPMENT_KEY_PREFIX))
    });
    let environment = Environment::from_process().map_err(Faults::from)?;
    let auth = if is_of_development && environment.get("AUTH_MODE").is_none() {
        Settings::development(&Environment::process_only())?.0.auth
    } else {
        Settings::read_auth(&environment)?.0
    };
    let clerk = match &auth {
        AuthSettings::Local(local) => {
            return Ok(judge_shared(token, &SharedToken::new(&local.token)));
        }
        AuthSettings::Clerk(clerk) | AuthSettings::Development(clerk) => clerk,
    };
    let parts = match parts {
        Ok(parts) => parts.clone(),
        Err(error) => return Ok(Verdict::of(error)),
    };
    let unverified = match UnverifiedToken::from_parts(parts) {
        Ok(unverified) => unverified,
        Err(error) => return Ok(Verdict::of(&error)),
    };
    if is_of_development && !auth.is_development() {
        return Ok(Verdict::refused(
            "unknown_key",
            "the token is one of development mode, which no other server accepts",
            "send it to `mission-control dev`, or sign in at Clerk",
        ));
    }
    let key = match find_key(&auth, clerk, unverified.key_id()).await? {
        Ok(Some(key)) => key,
        Ok(None) => {
            return Ok(Verdict::refused(
                "unknown_key",
                format!("the configured Clerk instance publishes no key {}", unverified.key_id()),
                "use the secret key of the instance that the front end signs in at; its publishable key \
                 tells which that is",
            ));
        }
        Err(reason) => {
            let rest = unverified.check_claims(&clerk.expectations, now);
            return Ok(Verdict::refused(
                "keys_unavailable",
                match rest {
                    Ok(()) => format!("{reason}; all other rules accept the token"),
                    Err(error) => format!("{reason}; besides, {error}"),
                },
                "run `mission-control doctor`, or set CLERK_JWT_KEY to verify without network",
            ));
        }
    };
    Ok(match unverified.verify(&key, &clerk.expectations, now) {
        Ok(claims) => Verdict {
            reason: ACCEPTED,
            explanation: format!(
                "every rule accepts the token; whether the session was revoked or the user deleted or \
                 banned, the database decides (`mission-control user show {}`)",
                claims.subject
            ),
            fix: None,
        },
        Err(error) => Verdict::of(&error),
    })
}

fn judge_shared(token: &str, shared: &SharedToken) -> Verdict {
    if shared.matches(token) {
        return Verdict {
            reason: ACCEPTED,
            explanation: "it is the shared token of local mode".to_owned(),
            fix: None,
        };
    }
    Verdict::refused(
        "other_token",
        "AUTH_MODE is local, and this is not LOCAL_AUTH_TOKEN",
        "send LOCAL_AUTH_TOKEN, or set AUTH_MODE=clerk",
    )
}

/// The key with this id, or why the keys are not known.
async fn find_key(
    auth: &AuthSettings,
    clerk: &ClerkSettings,
    key_id: &str,
) -> anyhow::Result<Result<Option<Arc<VerifyingKey>>, String>> {
    if let Some(key) = &clerk.jwt_key {
        return Ok(Ok(Some(Arc::new(key.clone()))));
    }
    let body = if auth.is_development() {
        // Whether or not `dev` is running.
        let development = open_development(clerk, Arc::new(SystemClock))?;
        serde_json::to_vec(&development.issuer.key_set())?
    } else {
        let http = ClerkHttp::new(clerk.api.clone(), clerk.secret_key.as_ref())?;
        match http.send(Method::GET, &["jwks"]).await {
            Ok(reply) if reply.status == StatusCode::OK => reply.body,
            Ok(reply) => {
                return Ok(Err(format!(
                    "Clerk answers {} instead of its keys",
                    reply.status.as_u16()
                )));
            }
            Err(error) => return Ok(Err(format!("Clerk's keys cannot be fetched: {error}"))),
        }
    };
    Ok(KeySet::parse(&body)
        .map(|keys| keys.find(key_id).cloned())
        .map_err(|fault| fault.to_string()))
}

fn shown(
    header: Option<&Map<String, Value>>,
    claims: Option<&Map<String, Value>>,
    verdict: &Verdict,
    now: DateTime<Utc>,
) -> anyhow::Result<String> {
    let mut text = String::new();
    for (name, members) in [("header", header), ("claims", claims)] {
        if let Some(members) = members {
            let json = serde_json::to_string_pretty(members)?;
            let lines = json.lines().map(|line| harmless(line).into_owned() + "\n");
            write!(text, "{}{}", paint(STRONG, &format!("{name}\n")), lines.collect::<String>())?;
        }
    }
    if let Some(claims) = claims {
        text += &paint(STRONG, "times\n");
        for (name, meaning) in [("iat", "issued"), ("nbf", "valid from"), ("exp", "valid until")] {
            let at = claims.get(name).and_then(Value::as_i64);
            if let Some(at) = at.and_then(|at| DateTime::from_timestamp(at, 0)) {
                let seconds = (now - at).num_seconds();
                let distance = if seconds < 0 {
                    format!("in {} s", -seconds)
                } else {
                    format!("{seconds} s ago")
                };
                writeln!(text, "  {name}  {meaning:<12}{}  {distance}", time(at))?;
            }
        }
    }
    let (style, word) = if verdict.is_accepted() { (GOOD, "accepted") } else { (BAD, "refused") };
    let rule = if verdict.is_accepted() { String::new() } else { format!(" ({})", verdict.reason) };
    writeln!(text, "{}{rule}: {}", paint(style, word), harmless(&verdict.explanation))?;
    if let Some(fix) = &verdict.fix {
        writeln!(text, "    fix: {fix}")?;
    }
    Ok(text)
}

/// What to change so that a token of the next sign-in is accepted.
fn advice(error: &TokenError) -> &'static str {
    match error {
        TokenError::SeveralHeaders | TokenError::NotBearer | TokenError::NotOneToken => {
            "send one header: Authorization: Bearer TOKEN"
        }
        TokenError::TooLong => {
            "take claims out of the session token at Clerk; 1.2 kB of them is plenty"
        }
        TokenError::NotASessionToken
        | TokenError::Type
        | TokenError::Class
        | TokenError::Machine
        | TokenError::SessionMissing => {
            "send the session token: what getToken() returns, without a template"
        }
        TokenError::NotThreeParts | TokenError::Encoding { .. } | TokenError::Json { .. } => {
            "copy the whole token: three parts separated by dots"
        }
        TokenError::Algorithm | TokenError::Critical | TokenError::KeyId => {
            "send a token that Clerk issued; this one was made by something else"
        }
        TokenError::Signature => {
            "see that the token was not changed on its way and that the keys are those of its instance \
             (CLERK_SECRET_KEY, CLERK_JWT_KEY)"
        }
        TokenError::ClaimMissing { claim: "iat" } => {
            "set CLERK_VERIFY_IAT=false, or have Clerk issue it"
        }
        TokenError::ClaimMissing { .. } | TokenError::ClaimMalformed { .. } => {
            "take claims of that name out of the session token at Clerk, so that Clerk's own are sent"
        }
        TokenError::TimeOutOfRange { .. } => "write times in seconds, not milliseconds",
        TokenError::SessionStatus { .. } => {
            "let the user finish the open task in the front end (Clerk: session tasks)"
        }
        TokenError::Issuer { .. } => {
            "set CLERK_ISSUER to the issuer of the token if it is yours, else use the keys of its instance"
        }
        TokenError::Audience { .. } => {
            "set CLERK_AUDIENCE to the token's aud, or take aud out of it at Clerk"
        }
        TokenError::AuthorizedParty { .. } => {
            "add the origin of the front end (azp) to CLERK_AUTHORIZED_PARTIES if it is yours"
        }
        TokenError::Expired { .. } => {
            "send a fresh token (they live 60 seconds), or set this machine's clock by NTP"
        }
        TokenError::NotYetValid { .. } | TokenError::IssuedInFuture { .. } => {
            "set this machine's clock by NTP; CLERK_LEEWAY tolerates a difference"
        }
    }
}
