//! Speaks a step: at a human pace, or at once.

use std::time::Duration;

use tokio::sync::mpsc::Sender;

use super::script::Step;
use crate::{DemoPace, FinishReason, ModelError, ModelEvent};

/// The pause between two pieces.
const BEAT: Duration = Duration::from_millis(30);
/// The pause before the first piece of a step.
const BREATH: Duration = Duration::from_millis(250);
/// Characters of a piece of speech.
const SPEECH: usize = 10;
/// Characters of a piece of a call's arguments.
const ARGUMENTS: usize = 60;
/// Most pieces of one stretch, so that a long file takes no longer than this many beats.
const MOST_PIECES: usize = 80;

/// Streams a step. Fails only if nobody listens any more. `messages` is the length of the conversation,
/// which makes the names of the calls.
pub(crate) async fn speak(
    step: Step,
    messages: usize,
    pace: DemoPace,
    events: &Sender<ModelEvent>,
) -> Result<FinishReason, ModelError> {
    let rest = async |pause: Duration| {
        if pace == DemoPace::Human {
            tokio::time::sleep(pause).await;
        }
    };
    let send = async |event: ModelEvent| events.send(event).await.map_err(|_| ModelError::Cancelled);
    rest(BREATH).await;
    for piece in pieces(&step.reasoning, SPEECH) {
        send(ModelEvent::Reasoning(piece.into())).await?;
        rest(BEAT).await;
    }
    for piece in pieces(&step.text, SPEECH) {
        send(ModelEvent::Text(piece.into())).await?;
        rest(BEAT).await;
    }
    let finish = if step.calls.is_empty() { FinishReason::Stop } else { FinishReason::ToolCalls };
    for (index, call) in (0_u32..).zip(step.calls) {
        let id = format!("demo_{messages}_{index}");
        send(ModelEvent::ToolCallStarted { index, id, name: call.tool.name().into() }).await?;
        for piece in pieces(&call.arguments.to_string(), ARGUMENTS) {
            send(ModelEvent::ToolCallArguments { index, text: piece.into() }).await?;
            rest(BEAT).await;
        }
    }
    Ok(finish)
}

/// The text in pieces of `size` characters, or of more if it would be too many pieces.
fn pieces(text: &str, size: usize) -> impl Iterator<Item = &str> {
    let size = size.max(text.chars().count().div_ceil(MOST_PIECES));
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = rest.char_indices().nth(size).map_or(rest.len(), |(end, _)| end);
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some(piece)
    })
}
