//! Which requests are recorded: what the operator chose, and never more than [`MOST_PER_SECOND`], because a
//! caller may ask for the recording of each of its requests and is anybody.

use std::{num::NonZeroU32, sync::Arc};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use opentelemetry::{
    Context, KeyValue,
    trace::{Link, SpanKind, TraceContextExt, TraceId, TraceState},
};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, SamplingResult, ShouldSample};

/// Requests recorded in a second, at most, with as many at once: enough to see every kind of request, few enough
/// that a busy server does not feel it, and that the queue of spans (2048) has room for all of theirs.
pub(super) const MOST_PER_SECOND: NonZeroU32 = NonZeroU32::MIN.saturating_add(49);

/// The samplers of the standard (`OTEL_TRACES_SAMPLER`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sampling {
    /// Whether a caller that belongs to a trace decides for its requests.
    pub(crate) follows_caller: bool,
    /// Which part of the others is recorded, from 0 to 1.
    pub(crate) ratio: f64,
}

impl Sampling {
    /// The sampler of the SDK, bounded.
    pub(super) fn sampler(self) -> Bounded {
        let own = if self.ratio >= 1.0 {
            Sampler::AlwaysOn
        } else if self.ratio <= 0.0 {
            Sampler::AlwaysOff
        } else {
            Sampler::TraceIdRatioBased(self.ratio)
        };
        let chosen = if self.follows_caller { Sampler::ParentBased(Box::new(own)) } else { own };
        let quota = Quota::per_second(MOST_PER_SECOND);
        Bounded { chosen, budget: Arc::new(RateLimiter::direct(quota)) }
    }
}

/// A sampler that is overruled when too much is recorded.
#[derive(Clone, Debug)]
pub(super) struct Bounded {
    chosen: Sampler,
    budget: Arc<DefaultDirectRateLimiter>,
}

impl ShouldSample for Bounded {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let of_ours = parent.map(|parent| parent.span().span_context().clone());
        if let Some(request) = of_ours.filter(|of| of.is_valid() && !of.is_remote()) {
            // A part of a request goes with it.
            return result(request.is_sampled());
        }
        let chosen = self.chosen.should_sample(parent, trace_id, name, kind, attributes, links);
        let is_wanted = chosen.decision == SamplingDecision::RecordAndSample;
        result(is_wanted && self.budget.check().is_ok())
    }
}

fn result(is_recorded: bool) -> SamplingResult {
    let decision =
        if is_recorded { SamplingDecision::RecordAndSample } else { SamplingDecision::Drop };
    SamplingResult { decision, attributes: Vec::new(), trace_state: TraceState::default() }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanContext, SpanId, TraceFlags};

    use super::*;

    fn caller(is_remote: bool, is_sampled: bool) -> Context {
        let flags = TraceFlags::default().with_sampled(is_sampled);
        let place = SpanContext::new(
            TraceId::from(7),
            SpanId::from(7),
            flags,
            is_remote,
            TraceState::default(),
        );
        Context::new().with_remote_span_context(place)
    }

    fn is_recorded(sampler: &Bounded, parent: &Context, trace_id: u128) -> bool {
        let trace_id = TraceId::from(trace_id);
        let result = sampler.should_sample(Some(parent), trace_id, "", &SpanKind::Server, &[], &[]);
        result.decision == SamplingDecision::RecordAndSample
    }

    #[test]
    fn samplers_do_what_the_standard_says() {
        let (nobody, yes, no) = (Context::new(), caller(true, true), caller(true, false));
        for (follows_caller, ratio, alone, asked, asked_not) in [
            (true, 1.0, true, true, false),
            (true, 0.0, false, true, false),
            (true, 0.5, true, true, false),
            (false, 1.0, true, true, true),
            (false, 0.0, false, false, false),
        ] {
            let sampler = Sampling { follows_caller, ratio }.sampler();
            // A small number is among every part.
            for (parent, expected) in [(&nobody, alone), (&yes, asked), (&no, asked_not)] {
                assert_eq!(is_recorded(&sampler, parent, 1), expected, "{follows_caller} {ratio}");
            }
        }
    }

    #[test]
    fn whoever_asks_there_is_a_bound_and_parts_go_with_their_request() {
        for (sampling, parent) in [
            (Sampling { follows_caller: true, ratio: 0.0 }, caller(true, true)),
            (Sampling { follows_caller: false, ratio: 1.0 }, Context::new()),
        ] {
            let sampler = sampling.sampler();
            let most = usize::try_from(MOST_PER_SECOND.get()).unwrap();
            let recorded = (0..100 * most).filter(|_| is_recorded(&sampler, &parent, 1)).count();
            // The budget fills while it is used.
            assert!((most..3 * most).contains(&recorded), "{recorded}");
            assert!(is_recorded(&sampler, &caller(false, true), 1));
            assert!(!is_recorded(&sampler, &caller(false, false), 1));
        }
    }
}
