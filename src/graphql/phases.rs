//! What the framework does in which phase. It tells neither whether an error came before or during
//! execution, nor lets a document be validated without being executed; its extension hooks do.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_graphql::{
    CacheControl, Response, ServerError, ValidationResult,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute, NextValidation},
};

/// How one run of the framework is to go, and how it went. Put into the request's data.
#[derive(Debug, Default)]
pub struct Phase {
    /// Stop after validation; otherwise validation was done before and is passed over.
    is_dry: bool,
    /// Whether execution began.
    has_begun: AtomicBool,
}

impl Phase {
    /// A run that stops after validation.
    pub fn validation() -> Self {
        Self { is_dry: true, ..Self::default() }
    }

    /// A run to the end, of a document that was validated.
    pub fn execution() -> Self {
        Self::default()
    }

    /// Whether execution began: then every error is one of a field.
    pub fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::Relaxed)
    }
}

/// Makes the extension; holds nothing.
pub struct Phases;

impl ExtensionFactory for Phases {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(PhaseHooks)
    }
}

struct PhaseHooks;

#[async_trait::async_trait]
impl Extension for PhaseHooks {
    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        if phase(ctx).is_some_and(|phase| !phase.is_dry) {
            let cache_control = CacheControl::default();
            return Ok(ValidationResult { cache_control, complexity: 0, depth: 0 });
        }
        next.run(ctx).await
    }

    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        operation_name: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        if let Some(phase) = phase(ctx) {
            phase.has_begun.store(true, Ordering::Relaxed);
            if phase.is_dry {
                return Response::default();
            }
        }
        next.run(ctx, operation_name).await
    }
}

fn phase<'a>(ctx: &ExtensionContext<'a>) -> Option<&'a Arc<Phase>> {
    ctx.data_opt::<Arc<Phase>>()
}
