//! The TypeScript of the wire, made from the protocol crate. `npm run bindings` writes it; this test fails when
//! what is committed differs from what the protocol says.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::any::TypeId;
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use okcvm_protocol::{COMMANDS, WINDOW_COMMANDS, visit_command_types};
use ts_rs::{Config, TS, TypeVisitor};

const HEADER: &str = "// Made from the protocol crate by `npm run bindings`. Do not edit.\n\n";

struct Declarations {
    config: Config,
    seen: HashSet<TypeId>,
    by_name: BTreeMap<String, String>,
}

impl TypeVisitor for Declarations {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        if !self.seen.insert(TypeId::of::<T>()) {
            return;
        }
        T::visit_dependencies(self);
        T::visit_generics(self);
        if T::output_path().is_some() {
            let docs = T::docs().unwrap_or_default();
            let declaration = format!("{docs}export {}\n", T::decl(&self.config));
            self.by_name.insert(T::ident(&self.config), declaration);
        }
    }
}

fn protocol() -> String {
    let mut declarations = Declarations {
        config: Config::new().with_large_int("number"),
        seen: HashSet::new(),
        by_name: BTreeMap::new(),
    };
    visit_command_types(&mut declarations);
    let mut text = HEADER.to_owned();
    text.push_str(&declarations.by_name.into_values().collect::<Vec<_>>().join("\n"));
    text
}

fn commands() -> String {
    let rows = || COMMANDS.iter().chain(WINDOW_COMMANDS);
    let names: std::collections::BTreeSet<&str> = rows().flat_map(|row| [row.params, row.response]).collect();
    let mut text = HEADER.to_owned();
    let imports: Vec<String> = names.iter().map(|name| format!("  {name},\n")).collect();
    writeln!(text, "import type {{\n{}}} from \"./protocol\";\n", imports.concat()).unwrap();
    text.push_str("/** Every request that a window can make, with its parameters and its answer. */\n");
    text.push_str("export interface Commands {\n");
    for row in rows() {
        writeln!(text, "  /** {} */", row.summary.trim()).unwrap();
        writeln!(text, "  {}: {{ params: {}; response: {} }};", row.name, row.params, row.response).unwrap();
    }
    text.push_str("}\n");
    text
}

/// The permissions of the main window: every command by name, and what the page needs of the host's events.
fn capability() -> String {
    let allowed =
        COMMANDS.iter().chain(WINDOW_COMMANDS).map(|row| format!("allow-{}", row.name.replace('_', "-")));
    let permissions: Vec<String> =
        ["core:event:allow-listen".to_owned(), "core:event:allow-unlisten".to_owned()]
            .into_iter()
            .chain(allowed)
            .collect();
    let capability = serde_json::json!({
        "identifier": "main",
        "description": "What the main window may ask for. Made from the command table by `npm run bindings`.",
        "windows": ["main"],
        "local": true,
        "permissions": permissions,
    });
    format!("{}\n", serde_json::to_string_pretty(&capability).unwrap())
}

#[test]
fn committed_typescript_is_what_the_protocol_says() {
    let top = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut drifted = Vec::new();
    for (name, text) in [
        ("ui/src/lib/ipc/generated/protocol.ts", protocol()),
        ("ui/src/lib/ipc/generated/commands.ts", commands()),
        ("src-tauri/capabilities/main.json", capability()),
    ] {
        let path = top.join(name);
        if std::env::var_os("OKCVM_WRITE_BINDINGS").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
        } else if std::fs::read_to_string(&path).unwrap_or_default() != text {
            drifted.push(name);
        }
    }
    assert!(
        drifted.is_empty(),
        "{drifted:?} differ from the protocol: run `npm run bindings` and commit the result"
    );
}

#[test]
fn every_command_is_named_resource_verb_and_said_once() {
    let mut seen = HashSet::new();
    for row in COMMANDS.iter().chain(WINDOW_COMMANDS) {
        assert!(row.name.contains('_'), "{} is not <resource>_<verb>", row.name);
        assert!(seen.insert(row.name), "{} stands twice in the table", row.name);
        assert!(!row.summary.trim().is_empty(), "{} says nothing", row.name);
    }
}
