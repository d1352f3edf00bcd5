//! What the pages, styles and scripts of a site refer to that is not in it.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

/// The largest file that is searched, in bytes.
const MAX_FILE: u64 = 4 * 1024 * 1024;
/// Files that are searched.
const MAX_FILES: usize = 2_000;
/// Folders inside of folders that are searched.
const MAX_DEPTH: usize = 50;
/// Longest reference that is quoted, in characters.
const MAX_QUOTED: usize = 200;

/// A reference, and the file in which it stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reference {
    /// Relative to the site, with `/`.
    pub(super) file: String,
    /// As it is written.
    pub(super) address: String,
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.file, self.address)
    }
}

/// What a site refers to that is not in it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct References {
    /// Other hosts, paths of this machine, `..` beyond the top.
    pub(super) leaving: BTreeSet<Reference>,
    /// Files of the site that do not exist.
    pub(super) missing: BTreeSet<Reference>,
    /// Files that were too large or too many to be searched.
    pub(super) unread: u64,
}

impl References {
    /// Searches the files of a site. Links to other sites that a reader may follow are not references: nothing is
    /// loaded from there.
    pub(super) fn of(site: &Path) -> Self {
        let mut files = Vec::new();
        collect(site, "", 0, &mut files);
        let mut references = Self::default();
        for (index, (file, size)) in files.iter().enumerate() {
            if index >= MAX_FILES || *size > MAX_FILE {
                references.unread += 1;
                continue;
            }
            let Ok(bytes) = fs::read(site.join(file)) else {
                references.unread += 1;
                continue;
            };
            let text = String::from_utf8_lossy(&bytes);
            for address in match Language::of(file) {
                Some(Language::Html) => in_html(&text),
                Some(Language::Css) => in_css(&text),
                Some(Language::Script) => in_script(&text),
                None => Vec::new(),
            } {
                references.judge(site, file, &address);
            }
        }
        references
    }

    fn judge(&mut self, site: &Path, file: &str, address: &Address) {
        let text = address.text.trim();
        let reference =
            || Reference { file: file.to_owned(), address: text.chars().take(MAX_QUOTED).collect() };
        // A link to another host is for the reader; nothing is loaded from there.
        if address.load == Load::Followed && is_remote(text) {
            return;
        }
        match Target::of(file, text) {
            Target::Nothing => {}
            Target::Elsewhere => {
                self.leaving.insert(reference());
            }
            Target::Within(path) => {
                if !site.join(&path).exists() {
                    self.missing.insert(reference());
                }
            }
        }
    }
}

fn collect(folder: &Path, below: &str, depth: usize, files: &mut Vec<(String, u64)>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut entries: Vec<_> = entries.flatten().collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_dir() {
            if depth < MAX_DEPTH {
                collect(&entry.path(), &path, depth + 1, files);
            }
        } else if Language::of(&path).is_some() {
            files.push((path, metadata.len()));
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    Html,
    Css,
    Script,
}

impl Language {
    fn of(file: &str) -> Option<Self> {
        let (_, ending) = file.rsplit_once('.')?;
        match ending.to_ascii_lowercase().as_str() {
            "html" | "htm" | "xhtml" | "svg" => Some(Self::Html),
            "css" => Some(Self::Css),
            "js" | "mjs" => Some(Self::Script),
            _ => None,
        }
    }
}

/// Whether the browser loads it by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Load {
    Loaded,
    Followed,
}

struct Address {
    text: String,
    load: Load,
}

fn loaded(text: &str) -> Address {
    Address { text: text.to_owned(), load: Load::Loaded }
}

/// The addresses of a `srcset`: each is followed by a width or a density, and only then by a comma, which may
/// therefore stand within an address (`data:…;base64,…`).
fn candidates(list: &str) -> Vec<Address> {
    let mut addresses = Vec::new();
    let mut rest = list.trim_start_matches([' ', '\t', '\n', '\r', ',']);
    while !rest.is_empty() {
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let (address, behind) = rest.split_at(end);
        addresses.push(loaded(address.trim_end_matches(',')));
        let behind =
            if address.ends_with(',') { behind } else { behind.split_once(',').map_or("", |(_, next)| next) };
        rest = behind.trim_start_matches([' ', '\t', '\n', '\r', ',']);
    }
    addresses
}

/// Where an address leads.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    /// To a file of the site, by its path.
    Within(String),
    Elsewhere,
    /// Data, a part of the same page, or something that a script makes.
    Nothing,
}

impl Target {
    fn of(file: &str, address: &str) -> Self {
        let lower = address.to_ascii_lowercase();
        let is_nothing = |prefix: &&str| lower.starts_with(*prefix);
        if address.is_empty()
            || ["#", "?", "data:", "blob:", "about:", "javascript:", "mailto:", "tel:"].iter().any(is_nothing)
            || address.contains(['{', '$', '<', '`', '\n'])
        {
            return Self::Nothing;
        }
        if is_remote(address) || lower.starts_with("file:") || address.contains('\\') {
            return Self::Elsewhere;
        }
        // `c:/…` is a path of a Windows machine, `scheme:…` something that only another program opens.
        if let Some((scheme, _)) = address.split_once(':')
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+')
        {
            return Self::Elsewhere;
        }
        let path = address.split(['?', '#']).next().unwrap_or_default();
        let path = unescaped(path);
        if ["/mnt/", "/home/", "/users/", "/tmp/", "/root/", "/var/"]
            .iter()
            .any(|top| path.to_ascii_lowercase().starts_with(top))
        {
            return Self::Elsewhere;
        }
        let (start, path) = match path.strip_prefix('/') {
            Some(path) => ("", path),
            None => (file.rsplit_once('/').map_or("", |(folder, _)| folder), path.as_str()),
        };
        let mut parts: Vec<&str> = start.split('/').filter(|part| !part.is_empty()).collect();
        for part in path.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    if parts.pop().is_none() {
                        return Self::Elsewhere;
                    }
                }
                name => parts.push(name),
            }
        }
        Self::Within(parts.join("/"))
    }
}

fn is_remote(address: &str) -> bool {
    let lower = address.trim().to_ascii_lowercase();
    ["http:", "https:", "//", "ws:", "wss:", "ftp:"].iter().any(|prefix| lower.starts_with(prefix))
}

/// `%20` and its like; what is not valid stays as it is.
fn unescaped(path: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = path.as_bytes();
    while let [first, tail @ ..] = rest {
        let pair = tail.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        match pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| path.to_owned())
}

/// A pattern of this file. They are constants and tested, so a wrong one cannot be shipped; it would match nothing.
fn pattern(text: &str) -> Option<Regex> {
    Regex::new(text).ok()
}

static COMMENT: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"(?s)<!--.*?-->"));
static SCRIPT: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"(?is)<script\b([^>]*)>(.*?)</script"));
static STYLE: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"(?is)<style\b[^>]*>(.*?)</style"));
static TAG: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r#"(?is)<([a-z][a-z0-9-]*)\b((?:"[^"]*"|'[^']*'|[^"'>])*)>"#));
static ATTRIBUTE: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r#"(?is)([a-z][a-z:-]*)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))"#));
static CSS_ADDRESS: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r#"(?is)(?:url\(\s*|@import\s+)(?:"([^"]*)"|'([^']*)'|([^\s"')]+)\s*\))"#));
static CSS_COMMENT: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"(?s)/\*.*?\*/"));
/// Modules and data that a script loads from another host. Files of the site are left out: how their addresses
/// are put together is not to be seen from the text.
static SCRIPT_ADDRESS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r#"(?:\bfrom\s*|\bimport\s*\(?\s*|\bfetch\s*\(\s*|\bimportScripts\s*\(\s*|\.src\s*=\s*|\bnew\s+(?:WebSocket|EventSource)\s*\(\s*)["'`]((?:https?:|wss?:)?//[^"'`\s]+)"#,
    )
});

fn in_html(text: &str) -> Vec<Address> {
    let text = without(text, COMMENT.as_ref());
    let mut addresses = Vec::new();
    for script in captures(&text, SCRIPT.as_ref()) {
        if let Some(code) = script.get(2) {
            addresses.extend(in_script(code.as_str()));
        }
    }
    for style in captures(&text, STYLE.as_ref()) {
        if let Some(sheet) = style.get(1) {
            addresses.extend(in_css(sheet.as_str()));
        }
    }
    // The code of scripts may hold what looks like tags; their start tags stay.
    let markup = match SCRIPT.as_ref() {
        Some(script) => script.replace_all(&text, "<script$1></script").into_owned(),
        None => text,
    };
    for tag in captures(&markup, TAG.as_ref()) {
        let name = tag.get(1).map_or("", |name| name.as_str()).to_ascii_lowercase();
        let attributes: Vec<(String, String)> =
            captures(tag.get(2).map_or("", |rest| rest.as_str()), ATTRIBUTE.as_ref())
                .map(|attribute| {
                    let value =
                        (2..=4).find_map(|index| attribute.get(index)).map_or("", |value| value.as_str());
                    (
                        attribute.get(1).map_or("", |name| name.as_str()).to_ascii_lowercase(),
                        value.replace("&amp;", "&"),
                    )
                })
                .collect();
        let rel =
            attributes.iter().find(|(name, _)| name == "rel").map(|(_, value)| value.to_ascii_lowercase());
        for (attribute, value) in &attributes {
            match (name.as_str(), attribute.as_str()) {
                ("a" | "area", "href" | "xlink:href") => {
                    addresses.push(Address { text: value.clone(), load: Load::Followed });
                }
                ("link", "href") => {
                    let only_names =
                        ["canonical", "alternate", "author", "license", "me", "next", "prev", "help"];
                    let load = match &rel {
                        Some(rel) if only_names.contains(&rel.as_str()) => Load::Followed,
                        _ => Load::Loaded,
                    };
                    addresses.push(Address { text: value.clone(), load });
                }
                ("use" | "image", "href" | "xlink:href") | (_, "src" | "poster") | ("object", "data") => {
                    addresses.push(loaded(value));
                }
                (_, "srcset" | "imagesrcset") => addresses.extend(candidates(value)),
                (_, "style") => addresses.extend(in_css(&value.replace("&quot;", "\""))),
                _ => {}
            }
        }
    }
    addresses
}

fn in_css(text: &str) -> Vec<Address> {
    let text = without(text, CSS_COMMENT.as_ref());
    captures(&text, CSS_ADDRESS.as_ref())
        .filter_map(|found| {
            (1..=3).find_map(|index| found.get(index)).map(|address| loaded(address.as_str()))
        })
        .collect()
}

fn in_script(text: &str) -> Vec<Address> {
    captures(text, SCRIPT_ADDRESS.as_ref())
        .filter_map(|found| found.get(1).map(|address| loaded(address.as_str())))
        .collect()
}

fn captures<'a>(text: &'a str, pattern: Option<&'a Regex>) -> impl Iterator<Item = regex::Captures<'a>> {
    pattern.into_iter().flat_map(move |pattern| pattern.captures_iter(text))
}

fn without(text: &str, pattern: Option<&Regex>) -> String {
    pattern.map_or_else(|| text.to_owned(), |pattern| pattern.replace_all(text, "").into_owned())
}

#[cfg(test)]
#[path = "references_tests.rs"]
mod tests;
