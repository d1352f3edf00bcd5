//! The files of the demo's sites: self-contained, with nothing from a network. Every word that comes from the
//! user or a file is escaped.

use super::{
    language::Language,
    palette::{self, DEFAULT_ACCENT},
    wish::Style,
};

mod data_page;
mod text_page;
mod topic_page;

pub(crate) use data_page::{DataPage, data_page};
pub(crate) use text_page::text_page;
pub(crate) use topic_page::topic_page;

/// A page before its frame.
pub(crate) struct Page<'a> {
    pub language: Language,
    pub title: &'a str,
    /// Plain text below the title.
    pub lead: &'a str,
    /// HTML.
    pub body: &'a str,
    /// Plain text at the foot.
    pub foot: &'a str,
}

/// The whole document.
pub(crate) fn document(page: &Page<'_>) -> String {
    let code = page.language.say("en", "zh-CN");
    let title = escaped(page.title);
    let lead = escaped(page.lead);
    let foot = escaped(page.foot);
    let body = page.body;
    format!(
        r#"<!doctype html>
<html lang="{code}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="style.css">
<script src="script.js" defer></script>
</head>
<body>
<header class="hero">
<h1>{title}</h1>
<p class="lead">{lead}</p>
</header>
<main>
{body}</main>
<footer>{foot}</footer>
</body>
</html>
"#
    )
}

/// Text that is safe between tags and in quoted attributes.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(character),
        }
    }
    out
}

/// The style sheet of every page, in the colours that were asked for.
pub(crate) fn style_sheet(style: &Style) -> String {
    let ground = palette::lines(&palette::ground(style.dark.unwrap_or(false), style.background));
    let accent = palette::lines(&palette::accent(style.accent.unwrap_or(DEFAULT_ACCENT)));
    format!("/* Colours first: change them here. */\n:root {{\n{ground}{accent}}}\n{RULES}")
}

const RULES: &str = r#"
* { box-sizing: border-box; }
body {
  margin: 0;
  background: var(--background);
  color: var(--text);
  font: 16px/1.6 system-ui, -apple-system, "Segoe UI", "Noto Sans", "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif;
}
.hero {
  background: var(--accent);
  color: var(--on-accent);
  padding: 3.5rem max(1.5rem, calc((100% - 64rem) / 2)) 4.5rem;
}
.hero h1 { margin: 0 0 .5rem; font-size: clamp(1.8rem, 5vw, 3rem); line-height: 1.15; overflow-wrap: anywhere; }
.lead { margin: 0; font-size: 1.1rem; opacity: .9; }
main { max-width: 67rem; margin: -2.5rem auto 0; padding: 0 1.5rem 2rem; }
section {
  background: var(--surface);
  border: 1px solid var(--line);
  border-radius: 14px;
  padding: 1.5rem;
  margin-bottom: 1.5rem;
  box-shadow: 0 6px 24px rgb(0 0 0 / 6%);
}
h2 { margin: 0 0 1rem; font-size: 1.25rem; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: 1rem; }
.fact { border-left: 4px solid var(--accent); padding: .25rem 0 .25rem .9rem; }
.fact b { display: block; font-size: 1.5rem; line-height: 1.3; overflow-wrap: anywhere; }
.fact span { color: var(--muted); font-size: .9rem; }
.chart svg { width: 100%; height: auto; }
.chart rect { fill: var(--accent); }
.chart text { fill: var(--text); font-size: 13px; }
.chart .axis { stroke: var(--line); }
.note { color: var(--muted); font-size: .9rem; }
.search {
  width: 100%;
  max-width: 22rem;
  padding: .5rem .8rem;
  margin-bottom: 1rem;
  border: 1px solid var(--line);
  border-radius: 8px;
  background: var(--background);
  color: inherit;
  font: inherit;
}
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .55rem .8rem; text-align: left; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { cursor: pointer; user-select: none; color: var(--muted); font-weight: 600; }
th:hover, th:focus { color: var(--accent); }
th[aria-sort="ascending"]::after { content: " ▲"; }
th[aria-sort="descending"]::after { content: " ▼"; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
tbody tr:hover { background: var(--background); }
pre { overflow: auto; padding: 1rem; border-radius: 8px; background: var(--background); }
blockquote { margin: 0; padding-left: 1rem; border-left: 4px solid var(--accent); white-space: pre-line; }
button {
  padding: .5rem 1rem;
  border: 0;
  border-radius: 8px;
  background: var(--accent);
  color: var(--on-accent);
  font: inherit;
  cursor: pointer;
}
footer { max-width: 67rem; margin: 0 auto; padding: 0 1.5rem 3rem; color: var(--muted); font-size: .9rem; }
"#;

/// The script of every page: sorts tables by their headings, filters what has `data-filter`, and collects
/// notes. Each part does nothing where its elements are missing.
pub(crate) const SCRIPT: &str = r#"// Sorts a table when one of its headings is chosen: numbers by value, words by the page's language.
for (const table of document.querySelectorAll("table[data-sortable]")) {
  const headings = [...table.tHead.rows[0].cells];
  const order = new Intl.Collator(document.documentElement.lang, { numeric: true });
  headings.forEach((heading, column) => {
    const sort = () => {
      const down = heading.getAttribute("aria-sort") === "ascending";
      const value = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
      const numeric = heading.classList.contains("number");
      const rows = [...table.tBodies[0].rows].sort((left, right) => {
        const [a, b] = [value(left), value(right)];
        if (numeric && a !== "" && b !== "") return Number(a) - Number(b);
        return order.compare(a, b);
      });
      if (down) rows.reverse();
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      table.tBodies[0].append(...rows);
    };
    heading.tabIndex = 0;
    heading.addEventListener("click", sort);
    heading.addEventListener("keydown", (event) => {
      if (event.key === "Enter") sort();
    });
  });
}

// Hides what does not hold the words of a search field.
for (const field of document.querySelectorAll("input[data-filter]")) {
  const entries = [...document.querySelectorAll(field.dataset.filter)];
  const count = document.querySelector("[data-count]");
  const filter = () => {
    const words = field.value.trim().toLowerCase();
    let shown = 0;
    for (const entry of entries) {
      entry.hidden = !entry.textContent.toLowerCase().includes(words);
      if (!entry.hidden) shown += 1;
    }
    if (count) count.textContent = `${shown} / ${entries.length}.`;
  };
  field.addEventListener("input", filter);
  filter();
}

// Collects notes for as long as the page is open. No form: an isolated preview submits none.
for (const field of document.querySelectorAll("input[data-notes]")) {
  const add = () => {
    if (field.value.trim() === "") return;
    const entry = document.createElement("li");
    entry.textContent = field.value.trim();
    document.querySelector(field.dataset.notes).append(entry);
    field.value = "";
  };
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.isComposing) add();
  });
  field.nextElementSibling.addEventListener("click", add);
}
"#;

/// At most so many characters, with a mark where a text was cut.
pub(crate) fn cut(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars().take(limit - 1).chain(['…']).collect()
}

/// A title from a file's name: without ending, words apart.
pub(crate) fn title_of_file(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let words: Vec<String> = stem
        .split(['_', '-', ' '])
        .filter(|word| !word.is_empty())
        .map(|word| {
            let mut letters = word.chars();
            letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
        })
        .collect();
    if words.is_empty() { name.to_owned() } else { words.join(" ") }
}
