use std::sync::{Arc, Mutex};

use super::*;
use crate::REDACTED;

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'writer> MakeWriter<'writer> for Shared {
    type Writer = Self;

    fn make_writer(&'writer self) -> Self {
        self.clone()
    }
}

fn knowing(secret: &str) -> Redactor {
    let redactor = Redactor::new();
    redactor.learn(secret);
    redactor
}

#[test]
fn a_secret_in_pieces_goes_too() {
    let out = Shared::default();
    let mut writer = RedactingWriter::new(out.clone(), knowing("canary-größe-7"));
    for byte in "one canary-größe-7\ntwo größe".bytes() {
        writer.write_all(&[byte]).unwrap();
    }
    assert_eq!(out.text(), "one [redacted]\n");
    drop(writer);
    assert_eq!(out.text(), "one [redacted]\ntwo größe");
}

#[test]
fn a_private_key_over_several_lines_goes_as_a_whole() {
    let out = Shared::default();
    let mut writer = RedactingWriter::new(out.clone(), Redactor::new());
    let kind = "PRIVATE KEY";
    for line in [
        "before\n",
        &format!("-----BEGIN {kind}-----\n"),
        "MIIE\n",
        &format!("-----END {kind}-----\n"),
        "x\n",
    ] {
        writer.write_all(line.as_bytes()).unwrap();
    }
    assert_eq!(out.text(), "before\n[redacted]\nx\n");
}

#[test]
fn a_line_without_end_is_bounded_and_still_clean() {
    let out = Shared::default();
    let mut writer = RedactingWriter::new(out.clone(), knowing("canary-4711"));
    let part = format!("{}canary-4711", "é".repeat(500_001));
    for _ in 0..3 {
        let (first, second) = part.split_at(part.len() - 5);
        writer.write_all(first.as_bytes()).unwrap();
        writer.write_all(second.as_bytes()).unwrap();
        assert!(writer.waiting.len() <= LONGEST_LINE);
    }
    writer.flush().unwrap();
    let text = out.text();
    assert_eq!(text.matches(REDACTED).count(), 3);
    assert!(!text.contains("canary"));
    assert_eq!(text.matches('é').count(), 3 * 500_001);
}

#[test]
fn no_line_of_the_log_holds_a_key() {
    let out = Shared::default();
    let redactor = knowing("canary \"4711\"");
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_writer(RedactingMakeWriter::new(out.clone(), redactor.clone()))
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!(key = "canary \"4711\"", "asked with canary \"4711\"");
        tracing::warn!("failed: {:?}", "canary \"4711\"");
    });
    let text = out.text();
    assert_eq!(text.lines().count(), 2, "{text}");
    assert_eq!(text.matches(REDACTED).count(), 3, "{text}");
    assert!(!text.contains("4711"), "{text}");
}
