//! How many tokens a text is likely to be, for the limit of a turn when a provider reports none. The guess is never
//! shown as a count.

use okcvm_model::{ModelMessage, ModelPart, ModelRequest};

/// Bytes of ASCII that make one token, on an average over English and code.
const BYTES: u64 = 4;
/// Tokens of a picture: providers count some hundred to some thousand.
const PICTURE: u64 = 1_000;

/// Of a text: a quarter of its ASCII characters and all others, as most tokenizers have one token or more for each of
/// those.
pub(crate) fn text(text: &str) -> u64 {
    let ascii = text.bytes().filter(u8::is_ascii).count() as u64;
    let others = text.chars().filter(|character| !character.is_ascii()).count() as u64;
    ascii.div_ceil(BYTES) + others
}

/// Of a whole request.
pub(crate) fn request(request: &ModelRequest) -> u64 {
    let tools = request
        .tools
        .iter()
        .map(|tool| text(&tool.name) + text(&tool.description) + text(&tool.parameters.to_string()));
    let messages = request.messages.iter().map(|message| match message {
        ModelMessage::User { parts: content } | ModelMessage::Tool { parts: content, .. } => parts(content),
        ModelMessage::Assistant { reasoning, text: said, tool_calls } => {
            let thought = reasoning.as_ref().map_or(0, |reasoning| text(&reasoning.text));
            let calls = tool_calls.iter().map(|call| text(&call.name) + text(&call.arguments));
            thought + text(said) + calls.sum::<u64>()
        }
    });
    text(&request.system) + tools.sum::<u64>() + messages.sum::<u64>()
}

fn parts(parts: &[ModelPart]) -> u64 {
    let each = parts.iter().map(|part| match part {
        ModelPart::Text(words) => text(words),
        ModelPart::Image { .. } => PICTURE,
    });
    each.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_count_in_fours_and_other_signs_one_by_one() {
        assert_eq!((text(""), text("abcdefgh"), text("abc"), text("你好"), text("né")), (0, 2, 1, 2, 2));
    }

    #[test]
    fn all_parts_of_a_request_count() {
        let full = ModelRequest {
            system: "12345678".into(),
            messages: vec![
                ModelMessage::User {
                    parts: vec![
                        ModelPart::Text("1234".into()),
                        ModelPart::Image { mime: "image/png".into(), base64: "x".repeat(9_000) },
                    ],
                },
                ModelMessage::Assistant { reasoning: None, text: "1234".into(), tool_calls: Vec::new() },
            ],
            tools: Vec::new(),
            max_tokens: None,
        };
        assert_eq!(request(&full), 2 + 1 + PICTURE + 1);
    }
}
