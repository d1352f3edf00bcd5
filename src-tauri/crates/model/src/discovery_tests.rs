use okcvm_testkit::{Answer, ScriptedModelServer};
use serde_json::json;

use super::*;

async fn nobody() -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().port()
}

fn page(body: &Value) -> Answer {
    Answer::body("application/json", &body.to_string())
}

#[tokio::test]
async fn each_kind_of_server_is_found_by_its_documented_answers() {
    let (ollama, studio, llama) = (
        ScriptedModelServer::start().await.unwrap(),
        ScriptedModelServer::start().await.unwrap(),
        ScriptedModelServer::start().await.unwrap(),
    );
    ollama
        .page("/api/tags", page(&json!({"models": [{"name": "qwen3:8b", "model": "qwen3:8b", "size": 1}]})));
    studio.page(
        "/v1/models",
        page(&json!({"object": "list", "data": [{"id": "gemma-3", "object": "model", "owned_by": "organization_owner"}]})),
    );
    llama.page(
        "/props",
        page(&json!({"default_generation_settings": {"n_ctx": 4096}, "model_path": "m.gguf"})),
    );
    llama.page(
        "/v1/models",
        page(&json!({"object": "list", "data": [{"id": "m.gguf", "owned_by": "llamacpp"}]})),
    );
    let ports = LocalPorts { ollama: ollama.port(), lm_studio: studio.port(), llama_cpp: llama.port() };
    let server = |name: &str, port: u16, model: &str| LocalServer {
        name: name.into(),
        base_url: format!("http://127.0.0.1:{port}/v1"),
        models: vec![model.into()],
        provider: ProviderKind::OpenAi,
    };
    assert_eq!(
        discover(&ports).await,
        [
            server("Ollama", ports.ollama, "qwen3:8b"),
            server("LM Studio", ports.lm_studio, "gemma-3"),
            server("llama.cpp", ports.llama_cpp, "m.gguf"),
        ]
    );
}

#[tokio::test]
async fn a_llama_server_without_its_description_is_known_by_its_models() {
    let llama = ScriptedModelServer::start().await.unwrap();
    llama.page("/v1/models", page(&json!({"data": [{"id": "m.gguf", "owned_by": "llamacpp"}]})));
    let ports = LocalPorts { ollama: nobody().await, lm_studio: nobody().await, llama_cpp: llama.port() };
    let found = discover(&ports).await;
    assert_eq!(found.iter().map(|server| server.name.as_str()).collect::<Vec<_>>(), ["llama.cpp"]);
}

#[tokio::test]
async fn silence_other_servers_and_closed_ports_are_nothing() {
    let silent = ScriptedModelServer::start().await.unwrap();
    for path in ["/api/tags", "/v1/models", "/props"] {
        silent.page(path, Answer::Silence);
    }
    let other = ScriptedModelServer::start().await.unwrap();
    other.page("/v1/models", Answer::body("text/html", "<h1>It works</h1>"));
    let begun = std::time::Instant::now();
    let ports = LocalPorts { ollama: nobody().await, lm_studio: other.port(), llama_cpp: silent.port() };
    assert_eq!(discover(&ports).await, []);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}
