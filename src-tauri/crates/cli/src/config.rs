//! `okcvm config`: the settings file.

use okcvm_host::{DataFolder, Environment, SettingsFile};
use okcvm_protocol::{AppError, Settings};
use serde_json::Value;

use crate::arguments::ConfigCommand;
use crate::failure::Failure;
use crate::output;

pub(crate) fn answer(
    command: &ConfigCommand,
    environment: &Environment,
    data: &DataFolder,
) -> Result<(), Failure> {
    let mut file = SettingsFile::read(&data.settings());
    match command {
        ConfigCommand::Check => {
            if let Some(problem) = file.problem() {
                return Err(problem.clone().into());
            }
            output::line(&format!("{} is in order.", file.path().display()));
            Ok(())
        }
        ConfigCommand::Show { json } => {
            if let Some(problem) = file.problem() {
                output::note(&problem.to_string());
            }
            let settings = file.effective(environment.profile.as_ref());
            if *json {
                return Ok(output::json(&settings)?);
            }
            let value = to_value(&settings)?;
            show("", &value);
            Ok(())
        }
        // They are kept beside the sessions and not in the file.
        ConfigCommand::Rules { .. } => Ok(()),
        ConfigCommand::Set { field, value } => {
            if let Some(problem) = file.problem() {
                return Err(problem.clone().into());
            }
            let mut settings = to_value(file.settings())?;
            let old = place(&mut settings, field)?;
            *old = match serde_json::from_str(value) {
                Ok(parsed) if !old.is_string() || matches!(parsed, Value::String(_)) => parsed,
                _ => Value::String(value.clone()),
            };
            let settings: Settings = serde_json::from_value(settings)
                .map_err(|error| AppError::new(format!("{field} cannot be “{value}”: {error}.")))?;
            let mut known = to_value(&settings)?;
            file.save(settings).map_err(|error| match &error.detail {
                // A value that is refused has its field in the detail; other failures have their cause there.
                Some(field) if place(&mut known, field).is_ok() => {
                    AppError { message: format!("{field}: {}", error.message), detail: None, ..error }
                }
                _ => error,
            })?;
            output::line(&format!("{field} is set in {}.", file.path().display()));
            Ok(())
        }
    }
}

fn to_value(settings: &Settings) -> Result<Value, AppError> {
    serde_json::to_value(settings)
        .map_err(|error| AppError::new("The settings cannot be shown.").with_detail(error.to_string()))
}

fn show(prefix: &str, value: &Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                show(&path, value);
            }
        }
        Value::Array(rows) => {
            for (index, row) in rows.iter().enumerate() {
                show(&format!("{prefix}[{index}]"), row);
            }
        }
        Value::Null => {}
        scalar => output::line(&format!("{prefix} = {scalar}")),
    }
}

/// The place of a path such as `profiles[0].model`.
fn place<'a>(root: &'a mut Value, field: &str) -> Result<&'a mut Value, AppError> {
    let unknown = || {
        AppError::new(format!("There is no setting named {field}."))
            .with_hint("`okcvm config show` lists them.")
    };
    let mut place = root;
    for part in field.split('.') {
        let (name, index) = match part.split_once('[') {
            Some((name, rest)) => {
                (name, Some(rest.trim_end_matches(']').parse::<usize>().map_err(|_| unknown())?))
            }
            None => (part, None),
        };
        place = place.get_mut(name).ok_or_else(unknown)?;
        if let Some(index) = index {
            place = place.get_mut(index).ok_or_else(unknown)?;
        }
    }
    Ok(place)
}
