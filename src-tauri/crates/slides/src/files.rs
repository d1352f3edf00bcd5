//! The files of a deck: its page, what lies beside it, and what stands in for the web.

use std::sync::Arc;

use percent_encoding::percent_decode_str;
use url::Url;

use crate::renderer::{Resource, Resources};

/// The name under which a deck's folder is reached. Reserved for names that lead nowhere (RFC 6761).
pub const HOST: &str = "deck.okcvm.invalid";
/// Where the agent sees the workspace; pages may name files by it.
const MOUNT: &str = "mnt/okcomputer/";

/// Below this path are stand-ins for files on the web, for engines that cannot answer for other hosts.
const STAND_IN: &str = "/.stand-in/";

/// Tailwind's browser build, which compiles the classes of a page.
const TAILWIND: &str = include_str!("../../../assets/tailwind/browser.js");
/// Takes the configuration of pages that were made for version 3.
const TAILWIND_BEFORE: &str = include_str!("../../../assets/tailwind/configuration.js");

/// Counts what the scripts of a page wait for.
const PENDING: &str = include_str!("page/pending.js");

/// Reads a file of the workspace by its path relative to it, with `/`; `None` if the page may not have it.
pub type ReadFile = Arc<dyn Fn(&str) -> Option<Vec<u8>> + Send + Sync>;

/// The files that a deck may use: its own page, its workspace, and the bundled libraries.
pub struct DeckFiles {
    page: Vec<u8>,
    path: String,
    read: ReadFile,
}

impl std::fmt::Debug for DeckFiles {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("DeckFiles").field("path", &self.path).finish_non_exhaustive()
    }
}

impl DeckFiles {
    /// A page that stands, or would stand, at `path` of the workspace, relative with `/`.
    pub fn new(page: Vec<u8>, path: &str, read: ReadFile) -> Self {
        Self { page, path: path.trim_start_matches('/').to_owned(), read }
    }

    /// The address to open.
    pub fn address(&self) -> String {
        let mut address = format!("http://{HOST}/");
        for (index, part) in self.path.split('/').enumerate() {
            if index > 0 {
                address.push('/');
            }
            address.extend(percent_encoding::utf8_percent_encode(part, percent_encoding::NON_ALPHANUMERIC));
        }
        address
    }
}

impl Resources for DeckFiles {
    fn find(&self, address: &str) -> Option<Resource> {
        let url = Url::parse(address).ok()?;
        if url.scheme() == "file" || url.host_str() == Some(HOST) {
            if let Some(outside) = url.path().strip_prefix(STAND_IN) {
                let outside = percent_decode_str(outside).decode_utf8().ok()?;
                return stand_in(&Url::parse(&outside).ok()?);
            }
            let path =
                percent_decode_str(url.path().trim_start_matches('/')).decode_utf8().ok()?.into_owned();
            if path == self.path {
                return Some(Resource {
                    bytes: counting(&self.page),
                    mime: "text/html; charset=utf-8".to_owned(),
                });
            }
            let path = path.strip_prefix(MOUNT).unwrap_or(&path);
            let bytes = (self.read)(path)?;
            let mime = mime_guess::from_path(path).first_or_octet_stream().to_string();
            return Some(Resource { bytes, mime });
        }
        stand_in(&url)
    }
}

/// A page that counts what it waits for, if it has scripts.
fn counting(page: &[u8]) -> Vec<u8> {
    let place = |mark: &[u8]| page.windows(mark.len()).position(|part| part.eq_ignore_ascii_case(mark));
    let end = |from: usize| page[from..].iter().position(|letter| *letter == b'>').map(|at| from + at + 1);
    let Some(script) = place(b"<script") else { return page.to_vec() };
    // Before the first of them; what leads up to a head stays as it is.
    let at = [b"<head>".as_slice(), b"<head ", b"<html", b"<!doctype"]
        .iter()
        .find_map(|mark| place(mark).filter(|at| *at < script).and_then(end))
        .unwrap_or(0);
    [&page[..at], b"<script>", PENDING.as_bytes(), b"</script>", &page[at..]].concat()
}

/// A page in which addresses of files that are bundled lead to these, below `base`, such as `deck://host`.
pub fn with_stand_ins(page: &str, base: &str) -> String {
    let mut out = String::with_capacity(page.len());
    let mut rest = page;
    while let Some(start) = rest.find("http") {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest.find(['"', '\'', ' ', '>', '<', ')', '\n']).unwrap_or(rest.len());
        let address = &rest[..end];
        // Inside of attributes `&` is written as an entity.
        // In running text an address is only named.
        let is_value = out.ends_with(['"', '\'', '(', '=']);
        match Url::parse(&address.replace("&amp;", "&")) {
            Ok(url) if is_value && stand_in(&url).is_some() => {
                out.push_str(base);
                out.push_str(STAND_IN);
                out.extend(percent_encoding::utf8_percent_encode(
                    url.as_str(),
                    percent_encoding::NON_ALPHANUMERIC,
                ));
            }
            _ => out.push_str(address),
        }
        rest = &rest[end..];
        if end == 0 {
            break;
        }
    }
    out.push_str(rest);
    out
}

/// The bundled style sheet of icons in the place of one on the web; `None` if there is none.
pub fn icon_sheet(address: &str) -> Option<String> {
    let found = stand_in(&Url::parse(address).ok()?)?;
    let text = String::from_utf8(found.bytes).ok().filter(|text| !text.is_empty())?;
    found.mime.starts_with("text/css").then_some(text)
}

/// What is bundled in the place of a file on the web.
pub(crate) fn stand_in(url: &Url) -> Option<Resource> {
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    let host = url.host_str()?;
    let whole = format!("{host}{}", url.path());
    let lower = whole.to_ascii_lowercase();
    let is_script = std::path::Path::new(&lower).extension().is_some_and(|ending| ending == "js");
    let is_tailwind = host == "cdn.tailwindcss.com" || lower.contains("@tailwindcss/browser");
    if is_tailwind || (lower.contains("tailwind") && is_script) {
        let script = format!("{TAILWIND_BEFORE}\n{TAILWIND}");
        return Some(Resource {
            bytes: script.into_bytes(),
            mime: "text/javascript; charset=utf-8".to_owned(),
        });
    }
    if host == "fonts.googleapis.com" || host == "fonts.bunny.net" {
        // For text the page goes on with the next font of its list; the report names what is missing.
        let sheet = crate::icons::families(url);
        return Some(Resource { bytes: sheet.into_bytes(), mime: "text/css; charset=utf-8".to_owned() });
    }
    crate::icons::stand_in(url, &lower)
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
