use tokio::net::UnixStream;

use super::*;

const PATIENCE: Duration = Duration::from_secs(10);

/// A pipe, and the browser's end of it.
fn pair() -> (Arc<Pipe>, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (output, input) = ours.into_split();
    (Arc::new(Pipe::new(input, output)), theirs)
}

/// Calls a method in the background.
fn call(pipe: &Arc<Pipe>, method: &'static str) -> tokio::task::JoinHandle<Result<Value, SlidesError>> {
    let pipe = pipe.clone();
    tokio::spawn(async move { pipe.call(Some("S"), method, json!({"a": 1}), PATIENCE, "try").await })
}

/// The next message that the browser gets.
async fn heard(browser: &mut UnixStream) -> Value {
    let mut bytes = Vec::new();
    loop {
        let byte = browser.read_u8().await.unwrap();
        if byte == 0 {
            return serde_json::from_slice(&bytes).unwrap();
        }
        bytes.push(byte);
    }
}

fn answer(asked: &Value, value: &str) -> Vec<u8> {
    let mut bytes = json!({"id": asked["id"], "result": {"value": value}}).to_string().into_bytes();
    bytes.push(0);
    bytes
}

#[tokio::test]
async fn a_call_names_its_session_and_answers_may_come_in_any_order() {
    let (pipe, mut browser) = pair();
    let first = call(&pipe, "One.do");
    let asked_first = heard(&mut browser).await;
    assert_eq!(asked_first, json!({"id": 1, "method": "One.do", "params": {"a": 1}, "sessionId": "S"}));
    let second = call(&pipe, "Two.do");
    let asked_second = heard(&mut browser).await;
    // Both in one write, the later one first, with an event and what is no JSON between them.
    let mut both = answer(&asked_second, "two");
    both.extend(b"{broken\0");
    both.extend(b"{\"method\":\"Page.x\",\"sessionId\":\"other\"}\0\0");
    both.extend(answer(&asked_first, "one"));
    browser.write_all(&both).await.unwrap();
    assert_eq!(first.await.unwrap().unwrap(), json!({"value": "one"}));
    assert_eq!(second.await.unwrap().unwrap(), json!({"value": "two"}));
}

#[tokio::test]
async fn a_message_may_come_in_many_pieces_larger_than_what_is_read_at_once() {
    let (pipe, mut browser) = pair();
    let waiting = call(&pipe, "One.do");
    let asked = heard(&mut browser).await;
    let long = "界".repeat(100_000);
    let bytes = answer(&asked, &long);
    // A cut in the middle of a letter, one before the end, and the end alone.
    let cuts = [0, 20, 21, 150_000, bytes.len() - 1, bytes.len()];
    for piece in cuts.windows(2) {
        browser.write_all(&bytes[piece[0]..piece[1]]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(waiting.await.unwrap().unwrap()["value"], long);
}

#[tokio::test]
async fn events_go_to_whom_listens_in_their_order() {
    let (pipe, mut browser) = pair();
    let mut events = pipe.listen("S");
    for number in 0..100 {
        for session in ["S", "other"] {
            let event = json!({"method": "Page.x", "sessionId": session, "params": {"number": number}});
            browser.write_all(format!("{event}\0").as_bytes()).await.unwrap();
        }
    }
    for number in 0..100 {
        let event = events.recv().await.unwrap();
        assert_eq!((&event["params"]["number"], &event["sessionId"]), (&json!(number), &json!("S")));
    }
}

#[tokio::test]
async fn a_refusal_says_why_and_silence_is_late() {
    let (pipe, mut browser) = pair();
    let waiting = call(&pipe, "One.do");
    let asked = heard(&mut browser).await;
    let refusal = json!({"id": asked["id"], "error": {"code": -32000, "message": "No such thing"}});
    browser.write_all(format!("{refusal}\0").as_bytes()).await.unwrap();
    let error = waiting.await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "The web engine could not try: No such thing");

    let limit = Duration::from_millis(50);
    let error = pipe.call(None, "Two.do", json!({}), limit, "try").await.unwrap_err();
    assert!(matches!(error, SlidesError::Late { .. }), "{error}");
    // What comes too late harms nobody.
    heard(&mut browser).await;
    browser.write_all(b"{\"id\":2,\"result\":{}}\0").await.unwrap();
    assert!(!pipe.is_broken());
}

#[tokio::test]
async fn an_end_in_the_middle_of_a_message_fails_all_who_wait() {
    let (pipe, mut browser) = pair();
    let mut events = pipe.listen("S");
    let first = call(&pipe, "One.do");
    let second = call(&pipe, "Two.do");
    let asked = heard(&mut browser).await;
    heard(&mut browser).await;
    let bytes = answer(&asked, "one");
    browser.write_all(&bytes[..bytes.len() / 2]).await.unwrap();
    drop(browser);
    for waiting in [first, second] {
        let error = tokio::time::timeout(PATIENCE, waiting).await.unwrap().unwrap().unwrap_err();
        assert!(matches!(error, SlidesError::Lost(_)), "{error}");
    }
    assert!(pipe.is_broken());
    assert!(events.recv().await.is_none());
    let error = pipe.call(None, "Three.do", json!({}), PATIENCE, "try").await.unwrap_err();
    assert!(matches!(error, SlidesError::Lost(_)), "{error}");
}

#[tokio::test]
async fn an_answer_has_its_place_until_the_browser_took_it() {
    let (pipe, mut browser) = pair();
    let places = Arc::new(tokio::sync::Semaphore::new(1));
    let place = places.clone().acquire_owned().await.unwrap();
    let body = "x".repeat(4 << 20);
    pipe.tell(Some("S"), "Fetch.fulfillRequest", &json!({"body": body}), Some(place));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(places.available_permits(), 0);
    assert_eq!(heard(&mut browser).await["params"]["body"].as_str().unwrap().len(), body.len());
    tokio::time::timeout(PATIENCE, places.acquire()).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_flood_of_events_that_nobody_hears_is_not_read() {
    let (pipe, mut browser) = pair();
    let mut events = pipe.listen("S");
    let event =
        format!("{}\0", json!({"method": "Page.x", "sessionId": "S", "params": "x".repeat(64 * 1024)}));
    let mut written = 0;
    while tokio::time::timeout(Duration::from_millis(500), browser.write_all(event.as_bytes())).await.is_ok()
    {
        written += 1;
        assert!(written < 2 * MOST_EVENTS, "everything is read");
    }
    for _ in 0..written {
        tokio::time::timeout(PATIENCE, events.recv()).await.unwrap().unwrap();
    }
}
