//! What a server was found not to take, learned from its refusals.

use serde_json::Value;

/// How requests to this server differ from the plain form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Quirks {
    /// It does not know `stream_options`.
    pub no_stream_options: bool,
    /// It wants `max_completion_tokens` in place of `max_tokens`.
    pub completion_tokens: bool,
    /// It refuses the reasoning of earlier steps in the history.
    pub no_reasoning: bool,
    /// It gives at most this many tokens in an answer.
    pub token_cap: Option<u32>,
}

impl Quirks {
    /// The form to try after this refusal, whose words are in lower case; `None` if no other form helps. Each
    /// step only adds to the form, so that the tries end.
    pub fn after(self, status: u16, words: &str, body: &Value) -> Option<Self> {
        if status == 404 {
            return None;
        }
        let sent = |key: &str| body.get(key).is_some();
        if words.contains("stream_options") && sent("stream_options") {
            return Some(Self { no_stream_options: true, ..self });
        }
        if words.contains("reasoning_content") && !self.no_reasoning {
            return Some(Self { no_reasoning: true, ..self });
        }
        if words.contains("max_completion_tokens") && sent("max_tokens") {
            return Some(Self { completion_tokens: true, ..self });
        }
        if words.contains("max_tokens") {
            // "max_tokens: 16000 > 8192, which is the maximum allowed number of output tokens for …"
            let asked = body.get("max_tokens").and_then(Value::as_u64)?;
            let cap = words
                .split(|character: char| !character.is_ascii_digit())
                .filter_map(|digits| digits.parse::<u32>().ok())
                .filter(|number| *number >= 256 && u64::from(*number) < asked)
                .max()?;
            return Some(Self { token_cap: Some(cap), ..self });
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_refusal_adds_to_the_form_until_nothing_helps() {
        let body = json!({"stream_options": {}, "max_tokens": 16000});
        let plain = Quirks::default();
        let first = plain.after(400, "unknown field stream_options", &body).unwrap();
        assert_eq!(first, Quirks { no_stream_options: true, ..plain });
        assert_eq!(first.after(400, "unknown field stream_options", &json!({})), None);
        assert_eq!(
            plain.after(400, "use 'max_completion_tokens' instead of max_tokens", &body),
            Some(Quirks { completion_tokens: true, ..plain })
        );
        assert_eq!(
            plain.after(400, "max_tokens: 16000 > 8192, which is the maximum for claude-3-5-20241022", &body),
            Some(Quirks { token_cap: Some(8192), ..plain })
        );
        assert_eq!(plain.after(400, "max_tokens is bad", &body), None);
        assert_eq!(plain.after(404, "stream_options", &body), None);
        assert_eq!(
            plain.after(422, "extra inputs: reasoning_content", &body),
            Some(Quirks { no_reasoning: true, ..plain })
        );
    }
}
