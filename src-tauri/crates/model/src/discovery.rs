//! Model servers on this machine, found by the answers that their documentation gives.

use std::time::Duration;

use okcvm_protocol::{LocalServer, ProviderKind};
use reqwest::Client;
use serde_json::Value;

use crate::endpoint::{bounded_body, http_client, model_names};

/// A server on this machine answers within this time, or it is busy with something else.
const LIMIT: Duration = Duration::from_millis(1500);

/// Where each kind of server is looked for, on 127.0.0.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalPorts {
    /// Ollama.
    pub ollama: u16,
    /// LM Studio.
    pub lm_studio: u16,
    /// llama.cpp.
    pub llama_cpp: u16,
}

impl Default for LocalPorts {
    /// The ports that each program uses unless told otherwise.
    fn default() -> Self {
        Self { ollama: 11_434, lm_studio: 1234, llama_cpp: 8080 }
    }
}

/// Looks for Ollama, LM Studio and llama.cpp at the same time; an empty list if there is none. Takes at most
/// about three seconds.
pub async fn discover(ports: &LocalPorts) -> Vec<LocalServer> {
    let Ok(client) = http_client(true) else { return Vec::new() };
    let (ollama, lm_studio, llama_cpp) = tokio::join!(
        ollama(&client, ports.ollama),
        lm_studio(&client, ports.lm_studio),
        llama_cpp(&client, ports.llama_cpp),
    );
    [ollama, lm_studio, llama_cpp].into_iter().flatten().collect()
}

/// Ollama lists its models at `/api/tags`: <https://docs.ollama.com/api/tags>.
async fn ollama(client: &Client, port: u16) -> Option<LocalServer> {
    let tags = get(client, port, "/api/tags").await?;
    tags.get("models")?.as_array()?;
    Some(server("Ollama", port, model_names(&tags)?))
}

/// LM Studio lists its models as chat completions do: <https://lmstudio.ai/docs/developer/openai-compat>. Its
/// models belong to `organization_owner`.
async fn lm_studio(client: &Client, port: u16) -> Option<LocalServer> {
    let models = get(client, port, "/v1/models").await?;
    let list = models.get("data")?.as_array()?;
    let name = if owned_by_llama_cpp(list) { "llama.cpp" } else { "LM Studio" };
    Some(server(name, port, model_names(&models)?))
}

/// llama.cpp describes itself at `/props`, or owns the models that it lists:
/// <https://github.com/ggml-org/llama.cpp/tree/master/tools/server>.
async fn llama_cpp(client: &Client, port: u16) -> Option<LocalServer> {
    let (properties, models) = tokio::join!(get(client, port, "/props"), get(client, port, "/v1/models"));
    let described = properties.is_some_and(|properties| {
        properties.get("default_generation_settings").is_some() || properties.get("model_path").is_some()
    });
    let listed =
        models.as_ref().and_then(|models| models.get("data")?.as_array()).cloned().unwrap_or_default();
    if !described && !owned_by_llama_cpp(&listed) {
        return None;
    }
    Some(server("llama.cpp", port, models.as_ref().and_then(model_names).unwrap_or_default()))
}

fn owned_by_llama_cpp(models: &[Value]) -> bool {
    models.iter().any(|model| model.get("owned_by").and_then(Value::as_str) == Some("llamacpp"))
}

fn server(name: &str, port: u16, models: Vec<String>) -> LocalServer {
    LocalServer {
        name: name.into(),
        base_url: format!("http://127.0.0.1:{port}/v1"),
        models,
        provider: ProviderKind::OpenAi,
    }
}

async fn get(client: &Client, port: u16, path: &str) -> Option<Value> {
    let request = client.get(format!("http://127.0.0.1:{port}{path}")).timeout(LIMIT);
    let response = request.send().await.ok().filter(|response| response.status().is_success())?;
    serde_json::from_slice(&bounded_body(response).await).ok()
}

#[cfg(test)]
#[path = "discovery_tests.rs"]
mod tests;
