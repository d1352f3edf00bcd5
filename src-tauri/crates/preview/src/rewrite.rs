//! Rewrites links that begin with `/` so that they stay within a preview, and puts a script at the start of pages.
//!
//! Works on bytes: everything it looks for is ASCII, and in the encodings that pages come in (UTF-8, GBK,
//! Shift JIS, Big5, Latin) these bytes below 0x40 are never part of another character. UTF-16 is left alone.

/// Elements whose content is text to the parser.
const RAW_TEXT: [&[u8]; 7] = [b"script", b"style", b"textarea", b"title", b"xmp", b"noembed", b"noframes"];
/// Attributes that hold one address.
const ADDRESSES: [&[u8]; 6] = [b"src", b"href", b"xlink:href", b"poster", b"data", b"background"];
/// Attributes that hold several, with commas between.
const ADDRESS_LISTS: [&[u8]; 2] = [b"srcset", b"imagesrcset"];

/// Below a preview, where the browser build of Tailwind is served in place of the copies on the network. No file of a
/// site is reached under this name.
pub(crate) const TAILWIND: &str = ".okcvm/tailwind-browser.js";
/// Hosts and paths of those copies, without the scheme. What follows may only be a version, a path or a query.
const TAILWIND_COPIES: [&[u8]; 3] =
    [b"cdn.tailwindcss.com", b"cdn.jsdelivr.net/npm/@tailwindcss/browser", b"unpkg.com/@tailwindcss/browser"];

/// Below a preview, where sheets are served that stand in for those of an address on the network, which follows with
/// two digits a byte.
pub(crate) const SHEETS: &str = ".okcvm/sheet/";

/// Whether something stands in for the style sheet of an address on the network.
pub(crate) type HasSheet<'a> = &'a dyn Fn(&str) -> bool;

/// A page whose root-relative links lead to `prefix` (which begins and ends with `/`), with `script` before
/// everything that loads or runs. Sheets that others stand in for lead to these.
pub(crate) fn html(page: &[u8], prefix: &str, script: &str, has_sheet: HasSheet<'_>) -> Vec<u8> {
    if page.starts_with(&[0xff, 0xfe]) || page.starts_with(&[0xfe, 0xff]) {
        return page.to_vec();
    }
    let mut rewriter = Rewriter {
        page,
        prefix: prefix.as_bytes(),
        script: script.as_bytes(),
        has_sheet,
        out: Vec::new(),
        injected: false,
    };
    rewriter.out.reserve(page.len() + script.len() + 64);
    rewriter.run();
    rewriter.out
}

/// A style sheet whose root-relative addresses lead to `prefix`.
pub(crate) fn css(sheet: &[u8], prefix: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(sheet.len() + 64);
    push_css(&mut out, sheet, prefix.as_bytes());
    out
}

/// The place, below a preview, of what stands in for the sheet of an address.
fn sheet_place(address: &str) -> String {
    let mut place = SHEETS.to_owned();
    for byte in address.bytes() {
        for digit in [byte >> 4, byte & 15] {
            place.extend(char::from_digit(u32::from(digit), 16));
        }
    }
    place
}

/// The address whose sheet is asked for at a place.
pub(crate) fn sheet_address(place: &str) -> Option<String> {
    let digits = place.strip_prefix(SHEETS)?.as_bytes();
    let bytes: Option<Vec<u8>> =
        digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    String::from_utf8(bytes?).ok()
}

struct Rewriter<'page> {
    page: &'page [u8],
    prefix: &'page [u8],
    script: &'page [u8],
    has_sheet: HasSheet<'page>,
    out: Vec<u8>,
    injected: bool,
}

impl Rewriter<'_> {
    fn run(&mut self) {
        let mut at = 0;
        while at < self.page.len() {
            let Some(open) = find(self.page, b"<", at) else {
                self.text(at, self.page.len());
                break;
            };
            self.text(at, open);
            at = self.markup(open);
        }
        self.inject();
    }

    /// Copies what stands between tags. Text that would be shown comes after the script.
    fn text(&mut self, from: usize, to: usize) {
        let text = slice(self.page, from, to);
        let visible = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        if visible.iter().any(|byte| !byte.is_ascii_whitespace()) {
            self.inject();
        }
        self.out.extend_from_slice(text);
    }

    fn inject(&mut self) {
        if !self.injected {
            self.injected = true;
            self.out.extend_from_slice(self.script);
        }
    }

    fn copy(&mut self, from: usize, to: usize) -> usize {
        let to = to.min(self.page.len());
        self.out.extend_from_slice(slice(self.page, from, to));
        to
    }

    /// Copies the markup that begins at `open` and returns where it ends.
    fn markup(&mut self, open: usize) -> usize {
        let rest = slice(self.page, open, self.page.len());
        if rest.starts_with(b"<!--") {
            let end = find(self.page, b"-->", open + 4).map_or(self.page.len(), |end| end + 3);
            return self.copy(open, end);
        }
        match rest.get(1) {
            Some(b'!' | b'?' | b'/') => {
                let end = find(self.page, b">", open).map_or(self.page.len(), |end| end + 1);
                self.copy(open, end)
            }
            Some(letter) if letter.is_ascii_alphabetic() => self.start_tag(open),
            _ => {
                self.inject();
                self.copy(open, open + 1)
            }
        }
    }

    fn start_tag(&mut self, open: usize) -> usize {
        let name_end =
            self.skip(open + 1, |byte| !byte.is_ascii_whitespace() && !matches!(byte, b'/' | b'>'));
        let name = slice(self.page, open + 1, name_end).to_ascii_lowercase();
        if name != b"html" && name != b"head" {
            self.inject();
        }
        self.copy(open, name_end);
        let mut at = name_end;
        while let Some(byte) = self.page.get(at) {
            if *byte == b'>' {
                at = self.copy(at, at + 1);
                break;
            }
            at = if byte.is_ascii_whitespace() || *byte == b'/' {
                self.copy(at, at + 1)
            } else {
                self.attribute(at, &name)
            };
        }
        if name == b"head" {
            self.inject();
        }
        if RAW_TEXT.contains(&name.as_slice()) { self.raw_text(at, &name) } else { at }
    }

    /// Copies an attribute of an element of that name with its value, rewriting the value if it is an address.
    fn attribute(&mut self, start: usize, element: &[u8]) -> usize {
        let (is_script, is_link) = (element == b"script", element == b"link");
        // A stray `=` begins a name, as in the HTML standard.
        let name_end =
            self.skip(start + 1, |byte| !byte.is_ascii_whitespace() && !matches!(byte, b'/' | b'>' | b'='));
        let name = slice(self.page, start, name_end).to_ascii_lowercase();
        let equals = self.skip(name_end, |byte| byte.is_ascii_whitespace());
        if self.page.get(equals) != Some(&b'=') {
            return self.copy(start, name_end);
        }
        let value_start = self.skip(equals + 1, |byte| byte.is_ascii_whitespace());
        let quote = self.page.get(value_start).copied().filter(|byte| matches!(byte, b'"' | b'\''));
        let (from, to) = match quote {
            Some(quote) => {
                let from = value_start + 1;
                (from, find(self.page, &[quote], from).unwrap_or(self.page.len()))
            }
            None => (value_start, self.skip(value_start, |byte| !byte.is_ascii_whitespace() && byte != b'>')),
        };
        self.copy(start, from);
        let value = slice(self.page, from, to);
        let sheet = if is_link && name == b"href" { self.sheet(value) } else { None };
        if (is_script || is_link) && name == b"integrity" {
            // The sum is of the copy on the network. Without a value the attribute asks for nothing.
        } else if is_script && name == b"src" && is_tailwind(value) {
            self.out.extend_from_slice(self.prefix);
            self.out.extend_from_slice(TAILWIND.as_bytes());
        } else if let Some(sheet) = sheet {
            self.out.extend_from_slice(self.prefix);
            self.out.extend_from_slice(sheet.as_bytes());
        } else if ADDRESSES.contains(&name.as_slice()) {
            push_address(&mut self.out, value, self.prefix);
        } else if ADDRESS_LISTS.contains(&name.as_slice()) {
            push_addresses(&mut self.out, value, self.prefix);
        } else if name == b"style" {
            push_css(&mut self.out, value, self.prefix);
        } else {
            self.out.extend_from_slice(value);
        }
        if quote.is_some() { self.copy(to, to + 1) } else { to }
    }

    /// The place of what stands in for a sheet on the network.
    fn sheet(&self, address: &[u8]) -> Option<String> {
        let address = std::str::from_utf8(address.trim_ascii()).ok()?.replace("&amp;", "&");
        let address = if address.starts_with("//") { format!("https:{address}") } else { address };
        (address.starts_with("http") && (self.has_sheet)(&address)).then(|| sheet_place(&address))
    }

    /// Copies the content of an element that holds no markup, up to its end tag.
    fn raw_text(&mut self, from: usize, name: &[u8]) -> usize {
        let mut end = from;
        loop {
            match find(self.page, b"</", end) {
                None => {
                    end = self.page.len();
                    break;
                }
                Some(close) => {
                    end = close;
                    let candidate = slice(self.page, close + 2, close + 2 + name.len());
                    if candidate.eq_ignore_ascii_case(name) {
                        break;
                    }
                    end = close + 2;
                }
            }
        }
        let content = slice(self.page, from, end);
        if name == b"style" {
            push_css(&mut self.out, content, self.prefix);
        } else {
            self.out.extend_from_slice(content);
        }
        end
    }

    fn skip(&self, from: usize, matches: impl Fn(u8) -> bool) -> usize {
        slice(self.page, from, self.page.len())
            .iter()
            .position(|byte| !matches(*byte))
            .map_or(self.page.len(), |count| from + count)
    }
}

/// Writes an address, led to the prefix if it begins with a single `/`.
fn push_address(out: &mut Vec<u8>, address: &[u8], prefix: &[u8]) {
    let blank = address.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let (blank, address) = address.split_at(blank);
    out.extend_from_slice(blank);
    if is_root_relative(address) {
        out.extend_from_slice(prefix);
        out.extend_from_slice(slice(address, 1, address.len()));
    } else {
        out.extend_from_slice(address);
    }
}

/// Writes the addresses of a `srcset`. A comma may stand within one (`data:…;base64,…`): it parts them only at the
/// end of an address or behind the width or density that follows it.
fn push_addresses(out: &mut Vec<u8>, list: &[u8], prefix: &[u8]) {
    let mut rest = list;
    while !rest.is_empty() {
        let gap = rest.iter().take_while(|byte| byte.is_ascii_whitespace() || **byte == b',').count();
        out.extend_from_slice(slice(rest, 0, gap));
        rest = slice(rest, gap, rest.len());
        let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
        let address = slice(rest, 0, end);
        push_address(out, address, prefix);
        rest = slice(rest, end, rest.len());
        if !address.ends_with(b",") {
            let end = rest.iter().position(|byte| *byte == b',').unwrap_or(rest.len());
            out.extend_from_slice(slice(rest, 0, end));
            rest = slice(rest, end, rest.len());
        }
    }
}

/// Whether an address is one of the browser build of Tailwind on the network.
fn is_tailwind(address: &[u8]) -> bool {
    let address = address.trim_ascii();
    let host = [b"https:".as_slice(), b"http:"]
        .into_iter()
        .find(|scheme| starts_with_ignoring_case(address, scheme))
        .map_or(address, |scheme| slice(address, scheme.len(), address.len()));
    let Some(host) = host.strip_prefix(b"//") else { return false };
    TAILWIND_COPIES.iter().any(|copy| {
        starts_with_ignoring_case(host, copy)
            && matches!(host.get(copy.len()), None | Some(b'/' | b'?' | b'#' | b'@'))
    })
}

fn is_root_relative(address: &[u8]) -> bool {
    // `//host` and, to a browser, `/\host` name another host.
    address.first() == Some(&b'/') && !matches!(address.get(1), Some(b'/' | b'\\'))
}

fn push_css(out: &mut Vec<u8>, sheet: &[u8], prefix: &[u8]) {
    let mut copied = 0;
    let mut at = 0;
    while at < sheet.len() {
        let rest = slice(sheet, at, sheet.len());
        let keyword = if starts_with_ignoring_case(rest, b"url(") {
            4
        } else if starts_with_ignoring_case(rest, b"@import") {
            7
        } else {
            at += 1;
            continue;
        };
        at += keyword;
        at += slice(sheet, at, sheet.len()).iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        // Within an attribute the quote may be written as an entity, whose last byte is `;`.
        for quote in [b"\"".as_slice(), b"'", b"&quot;", b"&#39;"] {
            if slice(sheet, at, sheet.len()).starts_with(quote) {
                at += quote.len();
                break;
            }
        }
        if is_root_relative(slice(sheet, at, sheet.len())) {
            out.extend_from_slice(slice(sheet, copied, at));
            out.extend_from_slice(prefix);
            at += 1;
            copied = at;
        }
    }
    out.extend_from_slice(slice(sheet, copied, sheet.len()));
}

fn starts_with_ignoring_case(text: &[u8], word: &[u8]) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

fn slice(bytes: &[u8], from: usize, to: usize) -> &[u8] {
    bytes.get(from.min(bytes.len())..to.min(bytes.len())).unwrap_or_default()
}

fn find(bytes: &[u8], what: &[u8], from: usize) -> Option<usize> {
    slice(bytes, from, bytes.len())
        .windows(what.len())
        .position(|window| window == what)
        .map(|offset| from + offset)
}

#[cfg(test)]
#[path = "rewrite_tests.rs"]
mod tests;
