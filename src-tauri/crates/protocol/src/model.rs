//! Usage and timed spans of model requests and tool calls.

use crate::{ItemId, NodeId, SpanId, wire, wire_enum};

wire! {
    /// Tokens as the provider reports them; `None` is unknown, never a guess.
    #[derive(Default)]
    pub struct Usage {
        /// Tokens of the prompt, cached ones included.
        pub input_tokens: Option<u64>,
        /// Tokens of the answer, reasoning included.
        pub output_tokens: Option<u64>,
        /// Part of the input that came from the provider's cache.
        pub cached_tokens: Option<u64>,
        /// Part of the output that was reasoning.
        pub reasoning_tokens: Option<u64>,
        /// In the currency of `cost_currency`; reported by the provider or from prices that the user entered.
        pub cost: Option<f64>,
        /// For example `USD`.
        pub cost_currency: Option<String>,
    }

    /// One timed model request or tool call.
    pub struct Span {
        /// Its identifier.
        pub id: SpanId,
        /// The node it belongs to.
        pub node_id: NodeId,
        /// The tool call it times.
        pub item_id: Option<ItemId>,
        /// Model or tool.
        pub kind: SpanKind,
        /// The model's name, or the tool's.
        pub name: String,
        /// When it began.
        pub started_at: i64,
        /// When it ended; `None` while it runs.
        pub ended_at: Option<i64>,
        /// Milliseconds from the request to the first token.
        pub first_token_ms: Option<u64>,
        /// Retries before it succeeded.
        pub retries: u32,
        /// How it ended.
        pub status: SpanStatus,
        /// What failed.
        pub error: Option<String>,
        /// For a model request.
        pub usage: Usage,
    }
}

wire_enum! {
    /// What a span times.
    pub enum SpanKind {
        /// A request to a model.
        Model,
        /// A tool call.
        Tool,
    }

    /// How a span ended.
    pub enum SpanStatus {
        /// It runs.
        Running,
        /// Well.
        Ok,
        /// With an error.
        Error,
        /// It was stopped.
        Interrupted,
    }
}

impl Usage {
    /// Adds another request; a figure unknown in both stays unknown.
    pub fn add(&mut self, other: &Self) {
        fn sum(left: &mut Option<u64>, right: Option<u64>) {
            if let Some(right) = right {
                *left = Some(left.unwrap_or(0) + right);
            }
        }
        sum(&mut self.input_tokens, other.input_tokens);
        sum(&mut self.output_tokens, other.output_tokens);
        sum(&mut self.cached_tokens, other.cached_tokens);
        sum(&mut self.reasoning_tokens, other.reasoning_tokens);
        if let Some(cost) = other.cost {
            self.cost = Some(self.cost.unwrap_or(0.0) + cost);
            self.cost_currency.clone_from(&other.cost_currency);
        }
    }
}
