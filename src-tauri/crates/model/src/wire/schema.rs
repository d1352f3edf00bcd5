//! Parameters of tools as servers take them.

use serde_json::Value;

/// The parameters without alternatives that only say which of them must be there. `OpenAI` and Anthropic refuse these
/// beside `properties`, and llama.cpp makes no grammar of them; the description of the tool says the same in words, and
/// a call is checked against the whole schema when it comes.
pub(super) fn sendable(parameters: &Value) -> Value {
    let mut parameters = parameters.clone();
    if let Some(schema) = parameters.as_object_mut() {
        schema.retain(|key, value| {
            !(matches!(key.as_str(), "anyOf" | "oneOf" | "allOf")
                && value.as_array().is_some_and(|list| only_required(list)))
        });
    }
    parameters
}

fn only_required(alternatives: &[Value]) -> bool {
    alternatives
        .iter()
        .all(|schema| schema.as_object().is_some_and(|schema| schema.keys().all(|key| key == "required")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::sendable;

    #[test]
    fn alternatives_of_required_names_are_left_out_and_nothing_else() {
        let properties =
            json!({"a": {"type": "string"}, "b": {"anyOf": [{"type": "string"}, {"type": "null"}]}});
        let given = json!({
            "type": "object", "properties": properties, "additionalProperties": false,
            "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
        });
        let sent = json!({"type": "object", "properties": properties, "additionalProperties": false});
        assert_eq!(sendable(&given), sent);
        assert_eq!(sendable(&sent), sent);
        let typed = json!({"anyOf": [{"type": "object"}, {"required": ["a"]}]});
        assert_eq!(sendable(&typed), typed);
    }
}
