//! Properties that hold for whatever a strategy makes.

use std::fmt::Debug;

use proptest::{
    prelude::Strategy,
    test_runner::{Config, TestCaseResult, TestRunner},
};

/// Tries a property on so many values, or on as many as `PROPTEST_CASES` says. A failure is shown with
/// the smallest value that was found for it.
pub fn for_all<S>(cases: u32, strategy: &S, holds: impl Fn(S::Value) -> TestCaseResult)
where
    S: Strategy,
    S::Value: Debug,
{
    let wanted = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    let cases = wanted.unwrap_or(cases);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new(config).run(strategy, holds).unwrap_or_else(|failure| panic!("{failure}"));
}
