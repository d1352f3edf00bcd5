use serde_json::json;

use super::*;
use crate::{Ending, Reply};

async fn ask(server: &ScriptedModelServer, path: &str) -> reqwest::Result<String> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let body = json!({"model": "m"}).to_string();
    client.post(format!("{}{path}", server.anthropic_base())).body(body).send().await?.text().await
}

#[tokio::test]
async fn answers_come_in_the_order_of_the_queue_and_requests_are_recorded() {
    let server = ScriptedModelServer::start().await.unwrap();
    server.push(Reply::text("你好").in_pieces(1).in_frames(1));
    server.push(Reply::call("c1", "look", &json!({"at": "it"})));
    let first = ask(&server, "/v1/chat/completions").await.unwrap();
    assert!(
        first.contains("\"你\"") && first.contains("\"好\"") && first.ends_with("data: [DONE]\n\n"),
        "{first}"
    );
    let second = ask(&server, "/v1/messages").await.unwrap();
    assert!(second.contains("input_json_delta") && second.contains("message_stop"), "{second}");
    let third = ask(&server, "/v1/messages").await.unwrap();
    assert!(third.contains("scripted no answer"), "{third}");
    let paths: Vec<String> = server.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/v1/chat/completions", "/v1/messages", "/v1/messages"]);
    assert_eq!(server.chats()[0].body, json!({"model": "m"}));
}

#[tokio::test]
async fn a_cut_breaks_the_connection_and_a_silent_end_does_not() {
    let server = ScriptedModelServer::start().await.unwrap();
    server.push(Reply::text("half").ending(Ending::Cut));
    server.push(Reply::text("half").ending(Ending::Silent));
    assert!(ask(&server, "/v1/chat/completions").await.is_err());
    let silent = ask(&server, "/v1/chat/completions").await.unwrap();
    assert!(silent.contains("half") && !silent.contains("DONE"), "{silent}");
}

#[tokio::test]
async fn dropping_the_server_ends_its_open_answers() {
    let server = ScriptedModelServer::start().await.unwrap();
    server.push(Reply::text("half").ending(Ending::Stall));
    let shared = Arc::clone(&server.shared);
    let base = server.anthropic_base();
    let asking = tokio::spawn(async move {
        let client = reqwest::Client::builder().no_proxy().build()?;
        client.post(format!("{base}/v1/messages")).send().await?.text().await
    });
    let limit = tokio::time::Duration::from_secs(10);
    tokio::time::timeout(limit, async {
        while shared.open.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    drop(server);
    assert!(tokio::time::timeout(limit, asking).await.unwrap().unwrap().is_err());
    assert_eq!(shared.open.load(Ordering::SeqCst), 0);
}
