//! The settings file: `settings.toml`, readable and writable by hand.
//!
//! What the file does not name has its default; the environment stands above the file. Saving changes only the values
//! that differ, so that comments and order stay.

use std::io::Write;
use std::path::{Path, PathBuf};

use okcvm_protocol::{AppError, ENVIRONMENT_PROFILE, ModelProfile, Prices, ProviderKind, Settings};
use serde_json::{Map, Value};
use toml_edit::{ArrayOfTables, Document, DocumentMut, Item, Table};

/// The settings as the file has them, and what is wrong with it.
#[derive(Debug, Clone)]
pub struct SettingsFile {
    path: PathBuf,
    settings: Settings,
    problem: Option<AppError>,
}

impl SettingsFile {
    /// Reads the file; a missing one has all defaults, a wrong one too, with the problem named.
    pub fn read(path: &Path) -> Self {
        let (settings, problem) = match std::fs::read_to_string(path) {
            Ok(text) => match parse(path, &text) {
                Ok(settings) => (settings, None),
                Err(problem) => (Settings::default(), Some(problem)),
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => (Settings::default(), None),
            Err(error) => {
                let problem = AppError::new(format!("{} cannot be read.", path.display()))
                    .with_detail(error.to_string());
                (Settings::default(), Some(problem))
            }
        };
        Self { path: path.to_owned(), settings, problem }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// As the file has them, with defaults for the rest.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What is wrong with the file; defaults are in force then.
    pub fn problem(&self) -> Option<&AppError> {
        self.problem.as_ref()
    }

    /// With the profile of the environment on top.
    pub fn effective(&self, environment: Option<&ModelProfile>) -> Settings {
        let mut settings = self.settings.clone();
        if let Some(profile) = environment {
            settings.profiles.push(profile.clone());
            settings.default_profile = ENVIRONMENT_PROFILE.into();
        }
        settings
    }

    /// Writes new settings, whole or not at all. Only what differs from the settings as they were read is changed, so
    /// that two programs may save at once. The profile of the environment is not written. A file that could not be
    /// read is kept beside the new one.
    pub fn save(&mut self, mut new: Settings) -> Result<(), AppError> {
        let failed = |error: &dyn std::fmt::Display| {
            AppError::new(format!("{} cannot be written.", self.path.display()))
                .with_hint("Check that the disk is not full and that the file may be written.")
                .with_detail(error.to_string())
        };
        new.profiles.retain(|profile| profile.id != ENVIRONMENT_PROFILE);
        if new.default_profile == ENVIRONMENT_PROFILE {
            new.default_profile.clone_from(&self.settings.default_profile);
        }
        check(&new)?;
        let lock = std::fs::File::create(self.path.with_extension("lock")).map_err(|error| failed(&error))?;
        lock.lock().map_err(|error| failed(&error))?;
        let old = match std::fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(failed(&error)),
        };
        let readable = old.parse::<DocumentMut>().ok().zip(parse(&self.path, &old).ok());
        let mut document = if let Some((document, now)) = readable {
            new = three_way(&self.settings, &now, &new).map_err(|error| failed(&error))?;
            check(&new)?;
            document
        } else {
            std::fs::write(unused_name(&self.path), &old).map_err(|error| failed(&error))?;
            DocumentMut::new()
        };
        let value = serde_json::to_value(&new).map_err(|error| failed(&error))?;
        if let Value::Object(fields) = value {
            merge(document.as_table_mut(), &fields);
        }
        write_whole(&self.path, document.to_string().as_bytes()).map_err(|error| failed(&error))?;
        self.settings = new;
        self.problem = None;
        Ok(())
    }
}

/// What another program wrote since `base` was read, with what differs between `base` and `new` on top.
fn three_way(base: &Settings, now: &Settings, new: &Settings) -> Result<Settings, serde_json::Error> {
    fn lay(base: &Value, now: &mut Value, new: &Value) {
        match (base, now, new) {
            (Value::Object(base), Value::Object(now), Value::Object(new)) => {
                for (name, value) in new {
                    let place = now.entry(name).or_insert(Value::Null);
                    lay(base.get(name).unwrap_or(&Value::Null), place, value);
                }
            }
            (base, now, new) if base != new => new.clone_into(now),
            _ => {}
        }
    }
    let mut merged = serde_json::to_value(now)?;
    lay(&serde_json::to_value(base)?, &mut merged, &serde_json::to_value(new)?);
    serde_json::from_value(merged)
}

/// A free name beside the file, for one that cannot be read.
fn unused_name(path: &Path) -> PathBuf {
    let names = (1..).map(|number| path.with_extension(format!("unreadable-{number}.toml")));
    names.into_iter().find(|name| !name.exists()).unwrap_or_else(|| path.with_extension("unreadable.toml"))
}

fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let part = path.with_extension("part");
    let write = || {
        let mut file = std::fs::File::create(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&part, path)
    };
    let written = write();
    if written.is_err() {
        // A full disk has room for no half file; what cannot be removed is written over the next time.
        let _ = std::fs::remove_file(&part);
    }
    written
}

/// Reads settings from the text of a file. Errors name the file, the line and the field.
fn parse(path: &Path, text: &str) -> Result<Settings, AppError> {
    let document = Document::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(text, span.start));
        AppError::new(format!("{}, line {line}: {}", path.display(), error.message().trim()))
            .with_hint("Correct the line; until then the defaults are in force.")
    })?;
    let at = |item: &Item| item.span().map_or(1, |span| line_of(text, span.start));
    let wrong = |line: usize, field: &str, problem: &str| {
        AppError::new(format!("{}, line {line}, {field}: {problem}", path.display()))
            .with_hint("Correct the field; until then the defaults are in force.")
    };
    let mut value = serde_json::to_value(Settings::default()).map_err(|error| {
        AppError::new("The default settings cannot be read.").with_detail(error.to_string())
    })?;
    let file: Value = toml::from_str(text)
        .map_err(|error| AppError::new(format!("{}: {}", path.display(), error.message())))?;
    if let Some(unknown) = unknown_field(&file, &value) {
        let line = at(find(document.as_item(), &unknown));
        return Err(wrong(line, &unknown, "there is no such setting."));
    }
    overlay(&mut value, file);
    let settings: Settings = serde_path_to_error::deserialize(value).map_err(|error| {
        let field = error.path().to_string();
        let line = at(find(document.as_item(), &field));
        wrong(line, &field, &format!("{}.", error.inner()))
    })?;
    check(&settings).map_err(|problem| {
        let field = problem.detail.clone().unwrap_or_default();
        let line = at(find(document.as_item(), &field));
        wrong(line, &field, &problem.message)
    })?;
    Ok(settings)
}

/// What types do not say. `detail` of the error names the field.
fn check(settings: &Settings) -> Result<(), AppError> {
    let wrong = |field: String, problem: String| Err(AppError::new(problem).with_detail(field));
    for (index, profile) in settings.profiles.iter().enumerate() {
        let field = |name: &str| format!("profiles[{index}].{name}");
        if profile.id.is_empty() || profile.id == ENVIRONMENT_PROFILE {
            return wrong(field("id"), format!("a profile cannot be named “{}”.", profile.id));
        }
        if settings.profiles.iter().take(index).any(|other| other.id == profile.id) {
            return wrong(field("id"), format!("there are two profiles named “{}”.", profile.id));
        }
        if profile.provider != ProviderKind::Demo {
            let address = &profile.base_url;
            if !(address.starts_with("http://") || address.starts_with("https://")) {
                return wrong(field("baseUrl"), "the address must begin with http:// or https://.".into());
            }
            if profile.model.trim().is_empty() {
                return wrong(field("model"), "the model needs a name.".into());
            }
        }
    }
    if !settings.profiles.iter().any(|profile| profile.id == settings.default_profile) {
        let problem = format!("there is no profile named “{}”.", settings.default_profile);
        return wrong("defaultProfile".into(), problem);
    }
    let limits = &settings.limits;
    for (name, value) in [
        ("limits.maxSteps", u64::from(limits.max_steps)),
        ("limits.maxMinutes", u64::from(limits.max_minutes)),
        ("limits.maxTokens", limits.max_tokens),
        ("stallSeconds", u64::from(settings.stall_seconds)),
        ("history.sessionBudgetBytes", settings.history.session_budget_bytes),
        ("history.totalBudgetBytes", settings.history.total_budget_bytes),
        ("history.maxFileBytes", settings.history.max_file_bytes),
        ("history.trashDays", u64::from(settings.history.trash_days)),
    ] {
        if value == 0 {
            return wrong(name.into(), "it must be at least 1.".into());
        }
    }
    Ok(())
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// The first field of the file that the settings do not have, as a path.
fn unknown_field(file: &Value, known: &Value) -> Option<String> {
    let (Value::Object(file), Value::Object(known)) = (file, known) else {
        return None;
    };
    for (name, value) in file {
        let Some(expected) = known.get(name) else {
            return Some(name.clone());
        };
        if name == "profiles" {
            let template = profile_template();
            let profiles = value.as_array().map(Vec::as_slice).unwrap_or_default();
            let unknown = profiles.iter().enumerate().find_map(|(index, profile)| {
                unknown_field(profile, &template).map(|field| format!("profiles[{index}].{field}"))
            });
            if unknown.is_some() {
                return unknown;
            }
        } else if let Some(inner) = unknown_field(value, expected) {
            return Some(format!("{name}.{inner}"));
        }
    }
    None
}

/// A profile with every field, to know their names.
fn profile_template() -> Value {
    let profile = ModelProfile {
        id: String::new(),
        name: String::new(),
        provider: ProviderKind::OpenAi,
        base_url: String::new(),
        model: String::new(),
        vision: false,
        max_tokens: None,
        prices: Some(Prices { currency: String::new(), input: 0.0, cached_input: None, output: 0.0 }),
    };
    serde_json::to_value(profile).unwrap_or_default()
}

/// Lays the file over the defaults. Fields that a profile leaves out get theirs here.
fn overlay(base: &mut Value, file: Value) {
    match (base, file) {
        (Value::Object(base), Value::Object(file)) => {
            for (name, value) in file {
                if name == "profiles" {
                    base.insert(name, with_defaults(value));
                } else {
                    overlay(base.entry(name).or_insert(Value::Null), value);
                }
            }
        }
        (base, file) => *base = file,
    }
}

fn with_defaults(profiles: Value) -> Value {
    let Value::Array(mut profiles) = profiles else {
        return profiles;
    };
    for profile in &mut profiles {
        if let Value::Object(fields) = profile {
            let name = fields.get("id").cloned().unwrap_or_default();
            for (field, default) in [
                ("name", name),
                ("baseUrl", Value::String(String::new())),
                ("vision", Value::Bool(false)),
                ("maxTokens", Value::Null),
                ("prices", Value::Null),
            ] {
                fields.entry(field).or_insert(default);
            }
        }
    }
    Value::Array(profiles)
}

/// The item of a document at a path such as `profiles[0].baseUrl`, or the nearest above it that is there.
fn find<'a>(root: &'a Item, path: &str) -> &'a Item {
    let mut item = root;
    for part in path.split('.') {
        let (name, index) = match part.split_once('[') {
            Some((name, rest)) => (name, rest.trim_end_matches(']').parse::<usize>().ok()),
            None => (part, None),
        };
        let Some(next) = item.get(name) else { break };
        item = next;
        if let Some(inner) = index.and_then(|index| item.get(index)) {
            item = inner;
        }
    }
    item
}

/// Changes what differs and leaves the rest of the document as it is.
fn merge(table: &mut Table, fields: &Map<String, Value>) {
    for (name, value) in fields {
        match value {
            Value::Null => {
                table.remove(name);
            }
            Value::Object(inner) => {
                let entry = table.entry(name).or_insert_with(|| Item::Table(Table::new()));
                if !entry.is_table() {
                    *entry = Item::Table(Table::new());
                }
                if let Some(inner_table) = entry.as_table_mut() {
                    merge(inner_table, inner);
                }
            }
            Value::Array(rows) => {
                let mut tables = match table.remove(name) {
                    Some(Item::ArrayOfTables(tables)) => tables,
                    _ => ArrayOfTables::new(),
                };
                while tables.len() > rows.len() {
                    tables.remove(tables.len() - 1);
                }
                for (index, row) in rows.iter().enumerate() {
                    if tables.get(index).is_none() {
                        tables.push(Table::new());
                    }
                    if let (Some(inner), Value::Object(fields)) = (tables.get_mut(index), row) {
                        merge(inner, fields);
                    }
                }
                table.insert(name, Item::ArrayOfTables(tables));
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                let new = scalar(value);
                let same = table
                    .get(name)
                    .and_then(Item::as_value)
                    .is_some_and(|old| old.to_string().trim() == new.to_string().trim());
                if same {
                    continue;
                }
                match table.get_mut(name).and_then(Item::as_value_mut) {
                    Some(old) => {
                        // The remark behind a value belongs to the line and stays.
                        let decor = old.decor().clone();
                        *old = new;
                        *old.decor_mut() = decor;
                    }
                    None => {
                        table.insert(name, Item::Value(new));
                    }
                }
            }
        }
    }
}

fn scalar(value: &Value) -> toml_edit::Value {
    match value {
        Value::Bool(flag) => (*flag).into(),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => whole.into(),
            None => number.as_f64().unwrap_or(0.0).into(),
        },
        other => other.as_str().unwrap_or_default().into(),
    }
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
