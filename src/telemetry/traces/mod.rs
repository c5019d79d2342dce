//! Traces: what a request consists of and how long each part takes, for whoever set an OTLP endpoint. Knows
//! neither requests nor statements: names and attributes come from the callers, who give fixed words and numbers,
//! never what somebody outside has written.
//!
//! Without an endpoint there is no tracer, and a span is nothing. The same holds below a request that is not
//! recorded.

mod delivery;
mod sampling;
mod settings;
mod start;

use std::{borrow::Cow, collections::HashMap, sync::OnceLock};

use futures_util::future::Either;
use opentelemetry::{
    Context, KeyValue, Value,
    context::{FutureExt, WithContext},
    propagation::TextMapPropagator,
    trace::{SpanKind, Status, TraceContextExt, Tracer},
};
use opentelemetry_sdk::{propagation::TraceContextPropagator, trace::SdkTracer};

pub(crate) use self::{sampling::Sampling, settings::TraceSettings, start::start_traces};

/// The header that carries the place in a trace (W3C Trace Context, section 3.2).
pub(crate) const TRACEPARENT: &str = "traceparent";

/// Set once, when the program starts with an endpoint.
static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// A part of the work on a request, from its making until it is dropped. Nothing, when nobody records it.
pub(crate) struct Span(Option<Context>);

impl Span {
    /// A request that comes in. `traceparent` is what the caller says of its own trace; anything that does not
    /// follow the standard counts as nothing. Its companion `tracestate` is not taken over: it may hold whatever
    /// a caller likes, and would go on to Clerk and to the receiver of the traces.
    pub(crate) fn of_request(method: &'static str, traceparent: Option<&str>) -> Self {
        let Some(tracer) = TRACER.get() else { return Self(None) };
        let caller = match traceparent.filter(|value| has_form(value)) {
            Some(value) => {
                let carrier = HashMap::from([(TRACEPARENT.to_owned(), value.to_owned())]);
                TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier)
            }
            None => Context::new(),
        };
        let builder = tracer.span_builder(method).with_kind(SpanKind::Server);
        let request =
            Self(Some(Context::new().with_span(builder.start_with_context(tracer, &caller))));
        request.note("http.request.method", || method);
        request
    }

    /// Nothing.
    pub(crate) const fn none() -> Self {
        Self(None)
    }

    /// A part of what is being done now.
    pub(crate) fn part(name: &'static str) -> Self {
        Self::begin(SpanKind::Internal, || Cow::Borrowed(name))
    }

    /// A call of something outside this process. Its name is made only when it is recorded.
    pub(crate) fn call(name: impl FnOnce() -> Cow<'static, str>) -> Self {
        Self::begin(SpanKind::Client, name)
    }

    fn begin(kind: SpanKind, name: impl FnOnce() -> Cow<'static, str>) -> Self {
        let Some(tracer) = TRACER.get() else { return Self(None) };
        Self(Context::map_current(|parent| {
            parent.span().span_context().is_sampled().then(|| {
                let span =
                    tracer.span_builder(name()).with_kind(kind).start_with_context(tracer, parent);
                Context::new().with_span(span)
            })
        }))
    }

    /// Runs some work as this span's own: spans that begin in it are its parts.
    pub(crate) fn around<F: Future>(&self, work: F) -> Either<WithContext<F>, F> {
        attach(self.0.as_ref(), work)
    }

    /// Whether somebody will see it.
    pub(crate) fn is_recorded(&self) -> bool {
        self.0.as_ref().is_some_and(is_recorded)
    }

    /// Adds a fact, which is made only when it is recorded.
    pub(crate) fn note<V: Into<Value>>(&self, key: &'static str, value: impl FnOnce() -> V) {
        if let Some(context) = &self.0 {
            note_in(context, key, value);
        }
    }

    /// Says that it went wrong.
    pub(crate) fn fail(&self) {
        if let Some(context) = &self.0 {
            context.span().set_status(Status::error(""));
        }
    }

    /// The name of the trace it belongs to, when it is recorded.
    pub(crate) fn trace_id(&self) -> Option<String> {
        let context = self.0.as_ref().filter(|context| is_recorded(context))?;
        Some(context.span().span_context().trace_id().to_string())
    }

    /// What to send as [`TRACEPARENT`] with a call that this span stands for: its own place, or that of the
    /// request when it is not recorded. None without tracing.
    pub(crate) fn traceparent(&self) -> Option<String> {
        TRACER.get()?;
        let mut carrier = HashMap::new();
        let propagator = TraceContextPropagator::new();
        match &self.0 {
            Some(context) => propagator.inject_context(context, &mut carrier),
            None => Context::map_current(|context| {
                propagator.inject_context(context, &mut carrier);
            }),
        }
        carrier.remove(TRACEPARENT)
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(context) = &self.0 {
            // Others may still hold the context, and the span lasts no longer for it.
            context.span().end();
        }
    }
}

/// Adds a fact to the span whose work this is.
pub(crate) fn note<V: Into<Value>>(key: &'static str, value: impl FnOnce() -> V) {
    if TRACER.get().is_some() {
        Context::map_current(|context| note_in(context, key, value));
    }
}

/// Gives the span whose work this is a better name.
pub(crate) fn rename(name: impl FnOnce() -> String) {
    if TRACER.get().is_some() {
        Context::map_current(|context| {
            if is_recorded(context) {
                context.span().update_name(name());
            }
        });
    }
}

/// Says that the span whose work this is went wrong.
pub(crate) fn fail() {
    if TRACER.get().is_some() {
        Context::map_current(|context| context.span().set_status(Status::error("")));
    }
}

/// Work that goes on in a task of its own and still belongs to the span whose work this is.
pub(crate) fn carried<F: Future>(work: F) -> Either<WithContext<F>, F> {
    let context = TRACER.get().map(|_| Context::current());
    attach(context.as_ref(), work)
}

/// Whether this begins as a place in a trace does (W3C Trace Context, section 3.2.2). The propagator checks the
/// rest, but takes ids that are too short.
fn has_form(traceparent: &str) -> bool {
    let bytes = traceparent.as_bytes();
    bytes.len() >= 55
        && (0..55).zip(bytes).all(|(at, byte)| match at {
            2 | 35 | 52 => *byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}

fn attach<F: Future>(context: Option<&Context>, work: F) -> Either<WithContext<F>, F> {
    match context {
        Some(context) => Either::Left(work.with_context(context.clone())),
        None => Either::Right(work),
    }
}

fn is_recorded(context: &Context) -> bool {
    context.span().span_context().is_sampled()
}

fn note_in<V: Into<Value>>(context: &Context, key: &'static str, value: impl FnOnce() -> V) {
    if is_recorded(context) {
        context.span().set_attribute(KeyValue::new(key, value()));
    }
}
