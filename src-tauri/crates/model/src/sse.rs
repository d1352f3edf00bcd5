//! Server-sent events, as the HTML standard defines the format (section "Parsing an event stream").

/// One event of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SseEvent {
    /// The event's type; empty if the server named none.
    pub name: String,
    /// The data lines, joined by line feeds.
    pub data: String,
}

/// Collects bytes, in whatever pieces they come, into events. It splits at line ends before it decodes, so a
/// piece may end inside a character.
#[derive(Debug, Default)]
pub(crate) struct SseParser {
    line: Vec<u8>,
    after_return: bool,
    begun: bool,
    name: String,
    data: Option<String>,
}

/// No line of an event grows past this; a server that sends more sends something else.
const LINE_LIMIT: usize = 64 << 20;

/// A line grew past any sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LineTooLong;

impl SseParser {
    /// Takes the next piece, and returns the events that it completed.
    pub fn feed(&mut self, piece: &[u8]) -> Result<Vec<SseEvent>, LineTooLong> {
        let mut events = Vec::new();
        for &byte in piece {
            let after_return = std::mem::replace(&mut self.after_return, byte == b'\r');
            match byte {
                b'\n' if after_return => {}
                b'\r' | b'\n' => events.extend(self.end_line()),
                _ if self.line.len() >= LINE_LIMIT => return Err(LineTooLong),
                _ => self.line.push(byte),
            }
        }
        Ok(events)
    }

    /// The stream ended. The standard drops an event without its blank line; real servers forget that line
    /// after the last event, so it counts here.
    pub fn finish(&mut self) -> Option<SseEvent> {
        if !self.line.is_empty() {
            self.end_line();
        }
        self.end_line()
    }

    fn end_line(&mut self) -> Option<SseEvent> {
        let bytes = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&bytes);
        let mut line: &str = &text;
        if !std::mem::replace(&mut self.begun, true) {
            line = line.strip_prefix('\u{feff}').unwrap_or(line);
        }
        if line.is_empty() {
            let name = std::mem::take(&mut self.name);
            return self.data.take().map(|data| SseEvent { name, data });
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            "event" => value.clone_into(&mut self.name),
            // Comments, ids, retry times and fields that nobody knows.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
#[path = "sse_tests.rs"]
mod tests;
