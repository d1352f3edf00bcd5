use std::time::Duration;

use okcvm_protocol::{ModelProfile, Settings};
use okcvm_testkit::{Answer, Ending, Reply, ScriptedModelServer};
use secrecy::SecretString;
use serde_json::json;

use super::*;
use crate::DemoPace;

fn options(server: &ScriptedModelServer, provider: ProviderKind) -> ModelOptions {
    ModelOptions {
        profile: ModelProfile {
            id: "test".into(),
            name: "Test".into(),
            provider,
            base_url: match provider {
                ProviderKind::Anthropic => server.anthropic_base(),
                ProviderKind::OpenAi | ProviderKind::Demo => server.openai_base(),
            },
            model: "test-model".into(),
            vision: false,
            max_tokens: None,
            prices: None,
        },
        key: Some(SecretString::from("sk-right")),
        stall: Duration::from_secs(5),
        retry: RetryPolicy::default(),
        demo_pace: DemoPace::Full,
    }
}

async fn report(options: ModelOptions) -> (ConnectionReport, Vec<(String, CheckStatus)>) {
    let report = test_connection(options, &CancellationToken::new()).await;
    let checks = report.checks.iter().map(|check| (check.name.clone(), check.status)).collect();
    (report, checks)
}

fn statuses(names: &[(&str, CheckStatus)]) -> Vec<(String, CheckStatus)> {
    names.iter().map(|(name, status)| ((*name).to_owned(), *status)).collect()
}

use CheckStatus::{Failed, Ok as Good, Warning};

#[tokio::test]
async fn a_good_connection_passes_every_check() {
    for provider in [ProviderKind::OpenAi, ProviderKind::Anthropic] {
        let server = ScriptedModelServer::start().await.unwrap();
        server.require_key("sk-right");
        server.push(Reply::text("ready").in_pieces(2));
        server.push(Reply::call("a", "report_ready", &json!({"word": "ready"})));
        let (report, checks) = report(options(&server, provider)).await;
        let expected =
            [("Address", Good), ("Key", Good), ("Model", Good), ("Streaming", Good), ("Tools", Good)];
        assert_eq!(checks, statuses(&expected));
        assert!(report.ok && report.first_token_ms.is_some());
        assert_eq!(report.models, ["test-model"]);
    }
}

#[tokio::test]
async fn a_report_ends_at_the_step_that_failed_and_says_what_to_do() {
    for provider in [ProviderKind::OpenAi, ProviderKind::Anthropic] {
        let server = ScriptedModelServer::start().await.unwrap();
        server.require_key("sk-other");
        let (wrong_key, checks) = report(options(&server, provider)).await;
        assert_eq!(checks, statuses(&[("Address", Good), ("Key", Failed)]));
        assert!(!wrong_key.ok && wrong_key.checks[1].hint.is_some());
        assert!(!format!("{wrong_key:?}").contains("sk-right"));

        let server = ScriptedModelServer::start().await.unwrap();
        server.set_models(&["alpha"]);
        server.push(Answer::error(404, "The model test-model does not exist."));
        let (unknown, checks) = report(options(&server, provider)).await;
        assert_eq!(checks, statuses(&[("Address", Good), ("Key", Good), ("Model", Failed)]));
        assert!(unknown.checks[2].hint.as_ref().is_some_and(|hint| hint.contains("alpha")));

        let server = ScriptedModelServer::start().await.unwrap();
        server.push(Reply::text("re").ending(Ending::Cut));
        let (cut, checks) = report(options(&server, provider)).await;
        assert_eq!(
            checks,
            statuses(&[("Address", Good), ("Key", Good), ("Model", Good), ("Streaming", Failed)])
        );
        assert!(!cut.ok);

        let options = options(&server, provider);
        let host = format!("127.0.0.1:{}", server.port());
        drop(server);
        while tokio::net::TcpStream::connect(&host).await.is_ok() {
            tokio::task::yield_now().await;
        }
        let (_, checks) = report(options).await;
        assert_eq!(checks, statuses(&[("Address", Failed)]));
    }
}

#[tokio::test]
async fn a_model_that_calls_no_tools_is_a_warning() {
    let server = ScriptedModelServer::start().await.unwrap();
    server.set_models(&["another"]);
    server.push(Reply::text("ready"));
    server.push(Reply::text("I would rather talk."));
    let (report, checks) = report(options(&server, ProviderKind::OpenAi)).await;
    let expected =
        [("Address", Good), ("Key", Good), ("Model", Warning), ("Streaming", Warning), ("Tools", Warning)];
    assert_eq!(checks, statuses(&expected));
    assert!(report.ok);
}

#[tokio::test]
async fn a_test_can_be_called_off() {
    let server = ScriptedModelServer::start().await.unwrap();
    server.push(Answer::Silence);
    let cancel = CancellationToken::new();
    let stop = async {
        while server.open_answers() == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        cancel.cancel();
    };
    let (report, ()) = tokio::join!(test_connection(options(&server, ProviderKind::OpenAi), &cancel), stop);
    assert!(!report.ok);
    assert_eq!(report.checks.last().map(|check| check.status), Some(Failed));
}

#[tokio::test]
async fn the_demo_needs_no_connection() {
    let server = ScriptedModelServer::start().await.unwrap();
    let profile = Settings::default().profiles.remove(0);
    let (report, _) = report(ModelOptions { profile, ..options(&server, ProviderKind::Demo) }).await;
    assert!(report.ok && report.checks.len() == 5);
    assert_eq!(server.requests(), []);
}
