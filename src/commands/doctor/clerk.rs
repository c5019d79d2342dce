//! Whether Clerk can be reached, the keys are of one instance, and the clocks agree.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::finding::Check;
use crate::{
    clerk::{
        http::{ClerkHttp, ExchangeError, Reply},
        key_set::KeySet,
    },
    clock::{Clock, SystemClock},
    config::{AuthSettings, ClerkSettings, Environment, Settings},
};

/// Slower than this, and a first sign-in is slow.
const SLOW: Duration = Duration::from_secs(1);
/// The header `Date` counts whole seconds: on average it is half of one behind.
const DATE_LAG: TimeDelta = TimeDelta::milliseconds(500);

/// A reply, and what time it was here meanwhile.
struct Timed {
    reply: Reply,
    elapsed: Duration,
    /// In the middle between asking and hearing.
    at: DateTime<Utc>,
}

pub(super) async fn check(environment: &Environment) -> anyhow::Result<Vec<Check>> {
    // Its faults are among those of the settings.
    let Ok((auth, _)) = Settings::read_auth(environment) else { return Ok(Vec::new()) };
    let clerk = match &auth {
        AuthSettings::Clerk(clerk) => clerk,
        AuthSettings::Local(_) | AuthSettings::Development(_) => return Ok(Vec::new()),
    };
    let http = ClerkHttp::new(clerk.api.clone(), clerk.secret_key.as_ref())?;
    if clerk.secret_key.is_none() {
        return Ok(vec![Check::pass("keys", "CLERK_JWT_KEY verifies tokens; Clerk is not asked")]);
    }
    let timed = match ask(&http, "jwks").await {
        Ok(timed) => timed,
        Err(error) => return Ok(vec![unreachable(clerk, &error)]),
    };
    let mut checks = vec![check_speed(clerk, timed.elapsed)];
    checks.extend(check_clock(clerk, &timed));
    let keys = check_keys(clerk, &timed.reply);
    let is_key_right = timed.reply.status == StatusCode::OK;
    checks.push(keys);
    if is_key_right {
        checks.extend(check_instance(clerk, &http).await);
    }
    Ok(checks)
}

async fn ask(http: &ClerkHttp, what: &str) -> Result<Timed, ExchangeError> {
    let (began, started) = (SystemClock.now(), Instant::now());
    let reply = http.send(Method::GET, &[what]).await?;
    let elapsed = started.elapsed();
    let at = began + TimeDelta::from_std(elapsed / 2).unwrap_or_default();
    Ok(Timed { reply, elapsed, at })
}

fn unreachable(clerk: &ClerkSettings, error: &ExchangeError) -> Check {
    let fix = match error {
        ExchangeError::NotConnected(_) => {
            "see that CLERK_API_URL is right and that DNS, a proxy (HTTPS_PROXY) or a firewall lets this \
             machine connect; CLERK_JWT_KEY verifies tokens without"
        }
        ExchangeError::Interrupted(_) => {
            "see status.clerk.com and what is between this machine and Clerk; CLERK_JWT_KEY verifies tokens \
             without"
        }
    };
    Check::fail("clerk", format!("{}: {error}", clerk.api), fix)
}

fn check_speed(clerk: &ClerkSettings, elapsed: Duration) -> Check {
    let took = format!("{} answers in {:.0} ms", clerk.api, elapsed.as_secs_f64() * 1000.0);
    if elapsed > SLOW {
        Check::warn(
            "clerk",
            took,
            "see status.clerk.com and what is between this machine and Clerk; claims for e-mail and name in \
             the session token spare first sign-ins the wait",
        )
    } else {
        Check::pass("clerk", took)
    }
}

fn check_clock(clerk: &ClerkSettings, timed: &Timed) -> Option<Check> {
    let difference = timed.at - timed.reply.date? - DATE_LAG;
    let leeway = clerk.expectations.leeway;
    #[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
    let seconds = difference.num_milliseconds().abs() as f64 / 1000.0;
    let side = if difference < TimeDelta::zero() { "behind" } else { "ahead of" };
    let detail = format!("this machine's clock is {seconds:.1} s {side} Clerk's");
    let fix = "set the clock by NTP (timedatectl set-ntp true)";
    Some(if difference.abs() > leeway + DATE_LAG {
        let what = format!("{detail}, more than CLERK_LEEWAY: good tokens are refused");
        Check::fail("clock", what, fix)
    } else if difference.abs() > leeway / 2 + DATE_LAG {
        Check::warn("clock", format!("{detail}, more than half of CLERK_LEEWAY"), fix)
    } else {
        Check::pass("clock", detail)
    })
}

fn check_keys(clerk: &ClerkSettings, reply: &Reply) -> Check {
    let status = reply.status.as_u16();
    match status {
        200 => {}
        401 | 403 => {
            return Check::fail(
                "keys",
                format!(
                    "Clerk refuses CLERK_SECRET_KEY (status {status}, code {})",
                    code(&reply.body)
                ),
                "copy the secret key from the API keys page of the Clerk dashboard; it may have been replaced",
            );
        }
        404 => {
            return Check::fail(
                "keys",
                "there is no key set at this address (status 404)",
                "see that CLERK_API_URL is the base of Clerk's Backend API",
            );
        }
        _ => {
            return Check::fail(
                "keys",
                format!("Clerk answers {status} (code {})", code(&reply.body)),
                "see status.clerk.com, and try again",
            );
        }
    }
    let keys = match KeySet::parse(&reply.body) {
        Ok(keys) => keys,
        Err(fault) => {
            return Check::fail(
                "keys",
                fault.to_string(),
                "see that CLERK_API_URL is the base of Clerk's Backend API",
            );
        }
    };
    if clerk.jwt_key.as_ref().is_some_and(|key| !keys.holds(key)) {
        return Check::fail(
            "keys",
            "CLERK_JWT_KEY is no key of the instance of CLERK_SECRET_KEY, so its tokens are refused",
            "copy the JWKS public key from the API keys page of the same instance, or unset CLERK_JWT_KEY",
        );
    }
    Check::pass("keys", "the key set of the instance of CLERK_SECRET_KEY is usable")
}

/// The code of an error of Clerk's.
fn code(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let code = body.pointer("/errors/0/code").and_then(Value::as_str).unwrap_or("none");
    code.chars().filter(char::is_ascii_graphic).take(80).collect()
}

/// Whether the instance of the secret key is the one that the publishable key and `CLERK_ISSUER` name:
/// its domains say (Clerk's Backend API, "List all instance domains").
async fn check_instance(clerk: &ClerkSettings, http: &ClerkHttp) -> Option<Check> {
    let frontend = clerk.frontend.as_ref();
    let issuers = &clerk.expectations.issuers;
    if issuers.is_empty() {
        return Some(Check::warn(
            "instance",
            "neither CLERK_PUBLISHABLE_KEY nor CLERK_ISSUER is set, so the issuer of tokens is not checked",
            "set CLERK_PUBLISHABLE_KEY, as the front end has it",
        ));
    }
    let own = match ask(http, "domains").await {
        Ok(timed) if timed.reply.status == StatusCode::OK => frontends(&timed.reply.body),
        _ => Vec::new(),
    };
    if own.is_empty() {
        return Some(Check::warn(
            "instance",
            "Clerk does not say which domains belong to CLERK_SECRET_KEY",
            "compare the keys with the API keys page of the Clerk dashboard",
        ));
    }
    if let Some(frontend) = frontend.filter(|frontend| !own.contains(&frontend.url)) {
        return Some(Check::fail(
            "instance",
            format!(
                "CLERK_PUBLISHABLE_KEY is of {} and CLERK_SECRET_KEY of {}: two instances",
                frontend.url,
                own.join(", ")
            ),
            "copy both keys from the same instance of the Clerk dashboard",
        ));
    }
    if !issuers.iter().any(|issuer| own.contains(issuer)) {
        return Some(Check::fail(
            "instance",
            format!(
                "CLERK_ISSUER is {} and CLERK_SECRET_KEY of {}: every token is refused",
                issuers.join(", "),
                own.join(", ")
            ),
            "unset CLERK_ISSUER and set CLERK_PUBLISHABLE_KEY",
        ));
    }
    Some(Check::pass("instance", format!("all keys are of {}", own.join(", "))))
}

/// Where the Frontend API of an instance is: what issues its tokens.
fn frontends(body: &[u8]) -> Vec<String> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let domains = body.get("data").and_then(Value::as_array);
    let urls = domains.into_iter().flatten().flat_map(|domain| {
        ["frontend_api_url", "proxy_url"].map(|name| domain.get(name).and_then(Value::as_str))
    });
    urls.flatten().map(|url| url.trim_end_matches('/').to_owned()).collect()
}
