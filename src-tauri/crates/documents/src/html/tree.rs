//! A page as a tree. The letters, names and references are read by `html5ever`; which element ends where is kept to the
//! few rules that text needs.

use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::{Rawtext, Rcdata, ScriptData};
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

use crate::DocumentError;
use crate::limits::Budget;
use crate::xml::{Child, Element};

/// The tree of a page and the text of its style sheets.
pub(super) fn tree(text: &str, budget: &Budget) -> Result<(Element, String), DocumentError> {
    let sink = Sink(RefCell::new(Growing {
        open: vec![Element { name: "#page".into(), attributes: Vec::new(), children: Vec::new() }],
        names: HashSet::new(),
        count: 0,
        raw: None,
        styles: String::new(),
        failed: None,
        budget,
    }));
    let queue = BufferQueue::default();
    let tokenizer = Tokenizer::new(sink, TokenizerOpts::default());
    // Fed in pieces, so that a reading that is called off ends soon.
    let mut rest = text;
    while !rest.is_empty() {
        let mut end = rest.len().min(64 * 1024);
        while !rest.is_char_boundary(end) {
            end += 1;
        }
        let (piece, later) = rest.split_at(end);
        rest = later;
        queue.push_back(StrTendril::from_slice(piece));
        // It stops early only at scripts that were to run, of which this sink tells it nothing.
        let _ = tokenizer.feed(&queue);
        budget.look()?;
        if let Some(error) = tokenizer.sink.0.borrow_mut().failed.take() {
            return Err(error);
        }
    }
    tokenizer.end();
    let mut growing = tokenizer.sink.0.into_inner();
    if let Some(error) = growing.failed.take() {
        return Err(error);
    }
    while growing.open.len() > 1 {
        growing.close();
    }
    let root = growing.open.pop().ok_or(DocumentError::Empty)?;
    Ok((root, growing.styles))
}

struct Sink<'a>(RefCell<Growing<'a>>);

struct Growing<'a> {
    open: Vec<Element>,
    names: HashSet<Rc<str>>,
    count: u64,
    /// The element whose text is not text of the page, while it is open.
    raw: Option<Raw>,
    styles: String,
    failed: Option<DocumentError>,
    budget: &'a Budget,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Raw {
    Script,
    Style,
}

impl TokenSink for Sink<'_> {
    type Handle = ();

    fn process_token(&self, token: Token, _line_number: u64) -> TokenSinkResult<()> {
        let mut growing = self.0.borrow_mut();
        if growing.failed.is_some() {
            return TokenSinkResult::Continue;
        }
        match token {
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => return growing.start(&tag),
            Token::TagToken(tag) => growing.end(&tag.name),
            Token::CharacterTokens(text) => match growing.raw {
                Some(Raw::Script) => {}
                Some(Raw::Style) => growing.styles.push_str(&text),
                None => growing.text(&text),
            },
            Token::DoctypeToken(_)
            | Token::CommentToken(_)
            | Token::NullCharacterToken
            | Token::EOFToken
            | Token::ParseError(_) => {}
        }
        TokenSinkResult::Continue
    }
}

impl Growing<'_> {
    fn start(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        let counted = self.budget.element();
        self.count += 1;
        if let Err(error) = counted {
            self.failed = Some(error);
            return TokenSinkResult::Continue;
        }
        if self.count > self.budget.limits().tree_elements {
            self.failed = Some(DocumentError::TooLarge(format!(
                "it has more than {} elements",
                self.budget.limits().tree_elements
            )));
            return TokenSinkResult::Continue;
        }
        let name: &str = &tag.name;
        match name {
            "script" | "noembed" | "noframes" if !tag.self_closing => {
                self.raw = Some(Raw::Script);
                return TokenSinkResult::RawData(if name == "script" { ScriptData } else { Rawtext });
            }
            "style" if !tag.self_closing => {
                self.raw = Some(Raw::Style);
                return TokenSinkResult::RawData(Rawtext);
            }
            "script" | "style" | "noembed" | "noframes" => return TokenSinkResult::Continue,
            _ => {}
        }
        self.end_what_cannot_hold(name);
        if self.open.len() > self.budget.limits().depth {
            // What stands too deep goes on in the element that is open.
            return TokenSinkResult::Continue;
        }
        let element = Element {
            name: self.interned(name),
            attributes: tag
                .attrs
                .iter()
                .map(|attribute| (self.interned(&attribute.name.local), attribute.value.to_string().into()))
                .collect(),
            children: Vec::new(),
        };
        self.open.push(element);
        if tag.self_closing || is_void(name) {
            self.close();
        }
        match name {
            "title" | "textarea" if !tag.self_closing => TokenSinkResult::RawData(Rcdata),
            _ => TokenSinkResult::Continue,
        }
    }

    /// Ends elements whose end may be left out.
    fn end_what_cannot_hold(&mut self, name: &str) {
        let (ended, within): (&[&str], &[&str]) = match name {
            "li" => (&["li"], &["ul", "ol", "menu"]),
            "dt" | "dd" => (&["dt", "dd"], &["dl"]),
            "tr" => (&["tr"], &["table"]),
            "td" | "th" => (&["td", "th"], &["tr", "table"]),
            "thead" | "tbody" | "tfoot" => (&["thead", "tbody", "tfoot"], &["table"]),
            "option" => (&["option"], &["select"]),
            "body" => (&["head"], &[]),
            _ if name == "p" || super::is_block(name) || is_heading(name) => {
                (&["p"], &["td", "th", "li", "div", "section", "article", "blockquote", "button"])
            }
            _ => return,
        };
        let place = self
            .open
            .iter()
            .rposition(|element| ended.contains(&&*element.name) || within.contains(&&*element.name));
        if let Some(place) = place.filter(|place| *place > 0)
            && self.open.get(place).is_some_and(|element| ended.contains(&&*element.name))
        {
            while self.open.len() > place {
                self.close();
            }
        }
    }

    fn end(&mut self, name: &str) {
        if matches!(name, "script" | "style" | "noembed" | "noframes") {
            self.raw = None;
            return;
        }
        let Some(place) =
            self.open.iter().rposition(|element| &*element.name == name).filter(|place| *place > 0)
        else {
            return;
        };
        // A mark of letters that was never opened here must not end the cell that it stands in.
        let is_letters = !super::is_block(name) && name != "table";
        let crosses =
            self.open.iter().skip(place + 1).any(|element| matches!(&*element.name, "td" | "th" | "table"));
        if is_letters && crosses {
            return;
        }
        while self.open.len() > place {
            self.close();
        }
    }

    fn close(&mut self) {
        if let Some(ended) = self.open.pop()
            && let Some(parent) = self.open.last_mut()
        {
            parent.children.push(Child::Element(ended));
        }
    }

    fn text(&mut self, text: &str) {
        let Some(parent) = self.open.last_mut() else { return };
        match parent.children.last_mut() {
            Some(Child::Text(last)) => last.push_str(text),
            _ => parent.children.push(Child::Text(text.to_owned())),
        }
    }

    fn interned(&mut self, name: &str) -> Rc<str> {
        if let Some(known) = self.names.get(name) {
            return Rc::clone(known);
        }
        let name: Rc<str> = name.into();
        self.names.insert(Rc::clone(&name));
        name
    }
}

fn is_heading(name: &str) -> bool {
    matches!(
        name,
        "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "ul" | "ol" | "table" | "pre" | "blockquote" | "hr"
    )
}

fn is_void(name: &str) -> bool {
    matches!(
        name,
        "area"
            | "base"
            | "br"
            | "col"
            | "embed"
            | "hr"
            | "img"
            | "input"
            | "link"
            | "meta"
            | "source"
            | "track"
            | "wbr"
    )
}
