//! The head of a request to the proxy, and where its body ends.

use url::{Host, Url};

/// What a client asks of the proxy.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub host: Host<String>,
    pub port: u16,
    pub kind: Kind,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A tunnel, by `CONNECT`.
    Tunnel,
    /// One request that is passed on: its head as the server gets it, and the extent of its body.
    Forward { head: Vec<u8>, body: Body },
}

/// Where the body of a request ends. Nothing behind it is passed on, so that one look at the host holds for all.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Body {
    Length(u64),
    Chunked(Chunks),
}

/// The longest name of a host.
const LONGEST_NAME: usize = 253;

/// Headers between the client and the proxy alone. The host is written anew from the address that was looked at.
const OWN_HEADERS: [&str; 9] = [
    "connection",
    "proxy-connection",
    "proxy-authorization",
    "proxy-authenticate",
    "keep-alive",
    "te",
    "trailer",
    "upgrade",
    "host",
];

impl Request {
    /// Reads a head, without its empty line. The error is for the client.
    pub(crate) fn parse(head: &[u8]) -> Result<Self, String> {
        let head = std::str::from_utf8(head).map_err(|_| "the head of the request is not text".to_owned())?;
        let mut lines = head.split("\r\n");
        let first = lines.next().unwrap_or_default();
        let mut words = first.split(' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err("the first line is not that of a request".to_owned());
        };
        if !version.starts_with("HTTP/1.") {
            return Err(format!("{version} is not spoken here; HTTP/1.1 is"));
        }
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if method.is_empty() || !method.bytes().all(is_token) {
            return Err("the method is not a word".to_owned());
        }
        if method == "CONNECT" {
            return tunnel(target)?.named_in_bounds();
        }
        let mut headers = Vec::new();
        for line in lines {
            let (name, value) = line.split_once(':').ok_or("a header has no colon")?;
            // A folded line, or a name with room before its colon, is read in two ways by two servers.
            if name.is_empty() || !name.bytes().all(is_token) || value.contains(['\r', '\n', '\0']) {
                return Err("a header is not well formed".to_owned());
            }
            headers.push((name, value.trim()));
        }
        forward(method, target, &headers)?.named_in_bounds()
    }

    /// A name that is too long leads nowhere, and would stand in records and answers.
    fn named_in_bounds(self) -> Result<Self, String> {
        match &self.host {
            Host::Domain(name) if name.trim_end_matches('.').len() > LONGEST_NAME => {
                Err(format!("the name of the host is longer than {LONGEST_NAME} characters"))
            }
            Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_) => Ok(self),
        }
    }
}

fn tunnel(target: &str) -> Result<Request, String> {
    let (host, port) = target.rsplit_once(':').ok_or("CONNECT needs a host and a port")?;
    let port: u16 = port.parse().map_err(|_| "the port is not a number")?;
    let host = Host::parse(host).map_err(|error| format!("the host is wrong: {error}"))?;
    Ok(Request { host, port, kind: Kind::Tunnel })
}

fn forward(method: &str, target: &str, headers: &[(&str, &str)]) -> Result<Request, String> {
    let url = Url::parse(target)
        .map_err(|_| "this is a proxy: it takes CONNECT and requests with a whole http address".to_owned())?;
    if url.scheme() != "http" {
        return Err(format!("{} addresses are reached by CONNECT", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("an address with a user name is not passed on".to_owned());
    }
    let host = url.host().ok_or("the address has no host")?.to_owned();
    let port = url.port_or_known_default().ok_or("the address has no port")?;
    let body = body(headers)?;

    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {authority}\r\n");
    let named: Vec<String> = headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("connection"))
        .flat_map(|(_, value)| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    for (name, value) in headers {
        let lower = name.to_ascii_lowercase();
        let framing = lower == "content-length" || lower == "transfer-encoding";
        if OWN_HEADERS.contains(&lower.as_str()) || (named.contains(&lower) && !framing) {
            continue;
        }
        head.push_str(name);
        head.push_str(": ");
        head.push_str(value);
        head.push_str("\r\n");
    }
    head.push_str("Connection: close\r\n\r\n");
    Ok(Request { host, port, kind: Kind::Forward { head: head.into_bytes(), body } })
}

fn body(headers: &[(&str, &str)]) -> Result<Body, String> {
    let of = |wanted: &str| {
        headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| *value)
            .collect::<Vec<_>>()
    };
    let (lengths, encodings) = (of("content-length"), of("transfer-encoding"));
    match (lengths.as_slice(), encodings.as_slice()) {
        ([], []) => Ok(Body::Length(0)),
        ([length], []) if length.bytes().all(|byte| byte.is_ascii_digit()) => {
            length.parse().map(Body::Length).map_err(|_| "the length of the body is not a number".to_owned())
        }
        ([], [encoding]) if encoding.eq_ignore_ascii_case("chunked") => Ok(Body::Chunked(Chunks::default())),
        _ => Err("the length of the body is told in a way that is not passed on".to_owned()),
    }
}

impl Body {
    /// How many of the next bytes belong to the body.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<usize, String> {
        match self {
            Self::Length(left) => {
                let count = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                *left -= count as u64;
                Ok(count)
            }
            Self::Chunked(chunks) => chunks.take(bytes),
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(chunks) => chunks.at == At::End,
        }
    }
}

/// Finds the end of a chunked body.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Chunks {
    at: At,
    /// The line at hand, without its end.
    line: Vec<u8>,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum At {
    #[default]
    Size,
    /// Bytes of the chunk with its line end.
    Data(u64),
    Trailer,
    End,
}

/// A size with its extensions, or a trailer.
const LONGEST_LINE: usize = 8 * 1024;

impl Chunks {
    fn take(&mut self, bytes: &[u8]) -> Result<usize, String> {
        let mut taken = 0;
        while taken < bytes.len() && self.at != At::End {
            if let At::Data(left) = &mut self.at {
                let rest = bytes.len() - taken;
                let count = usize::try_from(*left).map_or(rest, |left| left.min(rest));
                *left -= count as u64;
                taken += count;
                if *left == 0 {
                    self.at = At::Size;
                }
                continue;
            }
            let byte = bytes[taken];
            taken += 1;
            if byte != b'\n' {
                if self.line.len() == LONGEST_LINE {
                    return Err("a line of a chunked body is too long".to_owned());
                }
                self.line.push(byte);
                continue;
            }
            if self.line.pop() != Some(b'\r') {
                return Err("a line of a chunked body has no proper end".to_owned());
            }
            let line = std::mem::take(&mut self.line);
            self.at = match self.at {
                At::Size => match size(&line)? {
                    0 => At::Trailer,
                    size => At::Data(size.checked_add(2).ok_or("a chunk is too large")?),
                },
                At::Trailer if line.is_empty() => At::End,
                At::Trailer | At::Data(_) | At::End => At::Trailer,
            };
        }
        Ok(taken)
    }
}

fn size(line: &[u8]) -> Result<u64, String> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    std::str::from_utf8(digits)
        .ok()
        .filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .and_then(|text| u64::from_str_radix(text, 16).ok())
        .ok_or_else(|| "the size of a chunk is not a number".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Result<Request, String> {
        Request::parse(text.replace('\n', "\r\n").as_bytes())
    }

    #[test]
    fn a_tunnel_is_read() {
        let request = head("CONNECT Example.com:443 HTTP/1.1\nHost: other").unwrap();
        assert_eq!(
            request,
            Request { host: Host::Domain("example.com".into()), port: 443, kind: Kind::Tunnel }
        );
        assert!(head("CONNECT example.com HTTP/1.1").is_err());
        assert!(head("CONNECT example.com:99999 HTTP/1.1").is_err());
        assert_eq!(
            head("CONNECT 2130706433:80 HTTP/1.1").unwrap().host,
            Host::<String>::Ipv4([127, 0, 0, 1].into())
        );
    }

    #[test]
    fn a_request_is_written_anew() {
        let request = head(
            "POST http://example.com:8080/a/../b?c HTTP/1.1\nHost: evil.example\nProxy-Authorization: x\n\
             Connection: close, X-Own\nX-Own: 1\nX-Kept: 2\nContent-Length: 3",
        )
        .unwrap();
        let Kind::Forward { head, body } = request.kind else { panic!() };
        assert_eq!((request.port, body), (8080, Body::Length(3)));
        assert_eq!(
            String::from_utf8(head).unwrap(),
            "POST /b?c HTTP/1.1\r\nHost: example.com:8080\r\nX-Kept: 2\r\nContent-Length: 3\r\nConnection: close\r\n\r\n"
        );
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for text in [
            "GET / HTTP/1.1",
            "GET https://example.com/ HTTP/1.1",
            "GET ftp://example.com/ HTTP/1.1",
            "GET http://user:pass@example.com/ HTTP/1.1",
            "GET http://example.com/ HTTP/2",
            "GET  http://example.com/ HTTP/1.1",
            "G\u{1}T http://example.com/ HTTP/1.1",
            "GET http://example.com/ HTTP/1.1\nno colon",
            "GET http://example.com/ HTTP/1.1\nA : b",
            "GET http://example.com/ HTTP/1.1\n folded: x",
            "POST http://example.com/ HTTP/1.1\nContent-Length: 1\nContent-Length: 2",
            "POST http://example.com/ HTTP/1.1\nContent-Length: 1\nTransfer-Encoding: chunked",
            "POST http://example.com/ HTTP/1.1\nContent-Length: +1",
            "POST http://example.com/ HTTP/1.1\nTransfer-Encoding: gzip, chunked",
            "",
        ] {
            assert!(head(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_end_of_a_chunked_body_is_found_however_it_is_cut() {
        let bytes = b"3\r\nabc\r\n10;x=y\r\n0123456789abcdef\r\n0\r\nTrailer: x\r\n\r\nGET /next";
        let end = bytes.len() - "GET /next".len();
        for cut in 1..bytes.len() {
            let mut body = Body::Chunked(Chunks::default());
            let mut taken = 0;
            for piece in bytes.chunks(cut) {
                taken += body.take(piece).unwrap();
                if body.is_over() {
                    break;
                }
            }
            assert_eq!((taken, body.is_over()), (end, true), "{cut}");
        }
        assert!(Body::Chunked(Chunks::default()).take(b"x\r\n").is_err());
        assert!(Body::Chunked(Chunks::default()).take(b"3\nabc").is_err());
        assert!(Body::Chunked(Chunks::default()).take(b"ffffffffffffffff\r\n").is_err());
    }
}
