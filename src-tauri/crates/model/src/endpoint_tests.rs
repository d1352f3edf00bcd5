use okcvm_protocol::ProviderKind;

use super::*;

fn endpoint(format: WireFormat, address: &str, key: Option<&str>) -> Result<Endpoint, ModelError> {
    let profile = ModelProfile {
        id: "p".into(),
        name: "P".into(),
        provider: ProviderKind::OpenAi,
        base_url: address.into(),
        model: "m".into(),
        vision: false,
        max_tokens: None,
        prices: None,
    };
    Endpoint::new(format, &profile, key.map(SecretString::from))
}

#[test]
fn addresses_are_taken_as_people_copy_them() {
    for (format, entered, chat) in [
        (WireFormat::OpenAi, "https://h.example/v1/", "https://h.example/v1/chat/completions"),
        (
            WireFormat::OpenAi,
            "https://h.example/v1/chat/completions",
            "https://h.example/v1/chat/completions",
        ),
        (WireFormat::OpenAi, " http://127.0.0.1:8090 ", "http://127.0.0.1:8090/chat/completions"),
        (
            WireFormat::OpenAi,
            "https://h.example/d/x?api-version=2",
            "https://h.example/d/x/chat/completions?api-version=2",
        ),
        (WireFormat::Anthropic, "https://h.example", "https://h.example/v1/messages"),
        (WireFormat::Anthropic, "https://h.example/v1", "https://h.example/v1/messages"),
        (
            WireFormat::Anthropic,
            "https://h.example/anthropic/v1/messages/",
            "https://h.example/anthropic/v1/messages",
        ),
    ] {
        let endpoint = endpoint(format, entered, None).map_err(|error| error.to_string()).unwrap();
        assert_eq!(endpoint.url(format.chat_path()).as_str(), chat, "{entered}");
    }
}

#[test]
fn an_address_that_cannot_be_used_is_named_without_its_password() {
    for (entered, reason) in [
        ("", "it is empty"),
        ("ftp://me:secret@h.example", "http://"),
        ("http//me:secret@h.example", "relative URL"),
        ("http://", "empty host"),
    ] {
        let Err(error) = endpoint(WireFormat::OpenAi, entered, None) else { panic!("{entered} was taken") };
        let words = error.to_string();
        assert!(words.contains(reason) && !words.contains("secret"), "{words}");
        assert!(error.to_app_error().hint.is_some());
    }
}

#[test]
fn a_key_that_no_header_can_hold_is_refused_without_showing_it() {
    let Err(error) = endpoint(WireFormat::OpenAi, "http://h.example", Some("se\ncret")) else {
        panic!("the key was taken")
    };
    assert!(matches!(error, ModelError::KeyShape { .. }));
    assert!(!error.to_string().contains("cret"));
}

#[test]
fn a_wait_is_read_in_every_form() {
    let asked = |headers: &[(&'static str, &'static str)]| {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| {
                (reqwest::header::HeaderName::from_static(name), HeaderValue::from_static(value))
            })
            .collect();
        wait_asked(&headers)
    };
    let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_eq!(asked(&[("retry-after", "3")]), Some(Duration::from_secs(3)));
    assert_eq!(asked(&[("retry-after", "0.5")]), Some(Duration::from_millis(500)));
    assert_eq!(asked(&[("retry-after-ms", "20")]), Some(Duration::from_millis(20)));
    assert_eq!(
        asked(&[date, ("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT")]),
        Some(Duration::from_secs(10))
    );
    assert_eq!(asked(&[date, ("retry-after", "Sun, 06 Nov 1994 08:49:30 GMT")]), Some(Duration::ZERO));
    assert_eq!(asked(&[("retry-after", "soon")]), None);
    assert_eq!(asked(&[("retry-after", "-1")]), None);
    assert_eq!(asked(&[]), None);
}

#[test]
fn servers_on_this_machine_are_spoken_to_without_a_proxy() {
    let local = |address: &str| is_loopback(&Url::parse(address).unwrap());
    assert!(local("http://127.0.0.1:1/v1") && local("http://[::1]:1") && local("http://localhost:1"));
    assert!(!local("http://192.168.0.1") && !local("https://localhost.example"));
}
