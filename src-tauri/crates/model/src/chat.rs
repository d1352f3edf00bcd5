//! What is said to a model, and what comes back.

use async_trait::async_trait;
use okcvm_protocol::Usage;
use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use crate::ModelError;

/// One question to a model: everything that it is to know.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ModelRequest {
    /// The system prompt; empty for none.
    pub system: String,
    /// The conversation, oldest first. Every tool call has its result before the next user message.
    pub messages: Vec<ModelMessage>,
    /// Tools that the model may call; empty for none.
    pub tools: Vec<ModelTool>,
    /// Most tokens of the answer; the profile's limit, or the provider's own, if absent.
    pub max_tokens: Option<u32>,
}

/// A tool as the model sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelTool {
    /// The name that the model calls.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// JSON Schema of its arguments, an object.
    pub parameters: serde_json::Value,
}

/// A piece of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelPart {
    /// Plain text.
    Text(String),
    /// A picture. A model without sight is told that there was one.
    Image {
        /// For example `image/png`.
        mime: String,
        /// Standard Base64 with padding.
        base64: String,
    },
}

/// One message of the conversation.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelMessage {
    /// From the person.
    User {
        /// In order.
        parts: Vec<ModelPart>,
    },
    /// From the model.
    Assistant {
        /// What it thought, as it came.
        reasoning: Option<ModelReasoning>,
        /// What it said; may be empty.
        text: String,
        /// What it called, in order.
        tool_calls: Vec<ModelToolCall>,
    },
    /// The result of a tool call.
    Tool {
        /// The call's id.
        call_id: String,
        /// The tool.
        name: String,
        /// In order.
        parts: Vec<ModelPart>,
        /// The tool failed, and the parts say how.
        is_error: bool,
    },
}

/// What a model thought before it answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelReasoning {
    /// In words.
    pub text: String,
    /// The provider's proof that the words are its own; needed to send them back to Anthropic.
    pub signature: Option<String>,
}

/// A call that the model made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelToolCall {
    /// The provider's name for the call.
    pub id: String,
    /// The tool.
    pub name: String,
    /// JSON as the model wrote it, which may be broken.
    pub arguments: String,
}

/// What a model streams. Fragments are never empty.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelEvent {
    /// The last attempt failed before its first token; the next one comes after the delay.
    Attempt {
        /// The number of the coming attempt; the first try was 1.
        number: u32,
        /// Milliseconds until it starts.
        delay_ms: u64,
        /// What failed, in words for people.
        reason: String,
    },
    /// More of the answer.
    Text(String),
    /// More of the reasoning.
    Reasoning(String),
    /// The provider's signature of the reasoning, whole.
    ReasoningSignature(String),
    /// A tool call begins. Indexes count from 0 in the order in which calls begin.
    ToolCallStarted {
        /// Its number in this answer.
        index: u32,
        /// The provider's name for it, or one made here if the provider gave none.
        id: String,
        /// The tool.
        name: String,
    },
    /// More of a call's arguments.
    ToolCallArguments {
        /// The number of the call.
        index: u32,
        /// What is new.
        text: String,
    },
    /// Tokens of the whole answer, at most once and last; also after a failure, if the provider said any.
    Usage(Usage),
}

/// Why an answer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FinishReason {
    /// The model was done.
    Stop,
    /// It waits for the results of its calls.
    ToolCalls,
    /// The limit of tokens cut it.
    Length,
    /// The provider withheld the rest.
    ContentFilter,
    /// Something else, in the provider's word.
    Other(String),
}

/// A model that answers in a stream.
#[async_trait]
pub trait ChatModel: Send + Sync {
    /// The model's name at its provider.
    fn name(&self) -> &str;

    /// Whether it takes pictures.
    fn vision(&self) -> bool;

    /// Streams one answer into `events`. Returns how it finished, or what failed; what was streamed before
    /// stays valid. Ends at once with [`ModelError::Cancelled`] when `cancel` fires or the receiver of
    /// `events` is gone, and closes the connection.
    async fn stream(
        &self,
        request: ModelRequest,
        events: Sender<ModelEvent>,
        cancel: &CancellationToken,
    ) -> Result<FinishReason, ModelError>;
}
