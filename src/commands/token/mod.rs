//! `token`: one development session token on standard output, or what a token says and why it is refused.

mod inspect;

use std::{process::ExitCode, sync::Arc};

use anyhow::Context;
use chrono::TimeDelta;
use clap::{Args, Subcommand};

use super::output::print;
use crate::{
    app::open_development,
    clock::SystemClock,
    config::{Environment, Settings},
    dev::Minting,
};

/// The longest life a token may be given.
const LONGEST_TTL: i64 = 24 * 60 * 60;

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    minting: MintingArguments,
}

#[derive(Subcommand)]
enum Action {
    /// Show what a token says, which rule accepts or refuses it, and what to change
    #[command(after_help = "Exit codes: 0 accepted, 1 refused, 2 faulty settings or arguments.")]
    Inspect(inspect::Arguments),
}

#[derive(Args)]
struct MintingArguments {
    /// Whose: ada, grace, alan, or the e-mail address of somebody who signed up
    #[arg(long, value_name = "NAME", default_value = "ada")]
    user: String,
    /// How long it lives: seconds, or a number with s, m or h
    #[arg(long, default_value = "60s", value_parser = duration)]
    ttl: TimeDelta,
    /// Already expired
    #[arg(long)]
    expired: bool,
    /// Without e-mail address and name, as Clerk's tokens are by default
    #[arg(long)]
    no_email: bool,
    /// Slug of the Clerk organization to make active, for example acme
    #[arg(long, value_name = "NAME", value_parser = slug)]
    org: Option<String>,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match &arguments.action {
        Some(Action::Inspect(inspected)) => inspect::run(inspected).await,
        None => mint(&arguments.minting).map(|()| ExitCode::SUCCESS),
    }
}

fn mint(arguments: &MintingArguments) -> anyhow::Result<()> {
    let (settings, _) = Settings::development(&Environment::process_only())?;
    let clerk = settings.auth.clerk().context("development mode has no Clerk settings")?;
    let development = open_development(clerk, Arc::new(SystemClock))?;
    let register = development.people.read()?;
    let person = register.find(&arguments.user).with_context(|| {
        let known: Vec<_> = register.people.iter().map(|one| one.handle.as_str()).collect();
        format!("there is no person {:?}; there are {}", arguments.user, known.join(", "))
    })?;
    let wanted = arguments.org.as_deref();
    let token = development.issuer.mint(&Minting {
        person,
        session: None,
        origin: None,
        ttl: arguments.ttl,
        is_expired: arguments.expired,
        with_profile: !arguments.no_email,
        organization: development.people.active_organization(person, wanted)?,
    })?;
    print(&format!("{token}\n"))
}

fn duration(text: &str) -> Result<TimeDelta, String> {
    let (number, factor) = match text.char_indices().last() {
        Some((end, 's')) => (&text[..end], 1),
        Some((end, 'm')) => (&text[..end], 60),
        Some((end, 'h')) => (&text[..end], 3600),
        _ => (text, 1),
    };
    number
        .parse::<i64>()
        .ok()
        .and_then(|number| number.checked_mul(factor))
        .filter(|seconds| (1..=LONGEST_TTL).contains(seconds))
        .map(TimeDelta::seconds)
        .ok_or_else(|| "write for example 60s, 5m or 1h; at most 24h".to_owned())
}

fn slug(text: &str) -> Result<String, String> {
    let is_slug = !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if is_slug {
        Ok(text.to_owned())
    } else {
        Err("write letters, digits, - and _ only".to_owned())
    }
}
