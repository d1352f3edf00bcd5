//! What the program is told from outside, read once at start.

use std::path::PathBuf;

use okcvm_model::DemoPace;
use okcvm_protocol::{AppError, ENVIRONMENT_PROFILE, ModelProfile, ProviderKind};
use okcvm_secrets::SecretString;

/// Environment variables that matter, and nothing else of the environment.
#[derive(Debug, Clone)]
pub struct Environment {
    /// `OKCVM_HOME`: all data under it.
    pub okcvm_home: Option<PathBuf>,
    /// `OKCVM_PYTHON`: the folder of the Python environment, in place of one in the data folder.
    pub python: Option<PathBuf>,
    /// `PATH`.
    pub search_path: Option<std::ffi::OsString>,
    /// The user's home.
    pub home: Option<PathBuf>,
    /// The profile that `OKCVM_CHAT_…` describes.
    pub profile: Option<ModelProfile>,
    /// `OKCVM_CHAT_API_KEY`.
    pub key: Option<SecretString>,
    /// `OKCVM_DEMO_PACE`: `full` lets the demo model speak without pauses.
    pub demo_pace: DemoPace,
    /// `OKCVM_LOG`: a filter in the syntax of `tracing-subscriber`.
    pub log_filter: Option<String>,
}

/// All data under this folder.
const HOME: &str = "OKCVM_HOME";
/// The folder of the Python environment.
const PYTHON: &str = "OKCVM_PYTHON";
/// Variables that are text.
const VARIABLES: &[&str] = &[
    "OKCVM_CHAT_PROVIDER",
    "OKCVM_CHAT_BASE_URL",
    "OKCVM_CHAT_MODEL",
    "OKCVM_CHAT_API_KEY",
    "OKCVM_CHAT_VISION",
    "OKCVM_DEMO_PACE",
    "OKCVM_LOG",
];

impl Environment {
    /// Reads the variables; one that makes no sense is an error that names it.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, AppError> {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let demo_pace = match variable("OKCVM_DEMO_PACE").as_deref() {
            None | Some("human") => DemoPace::Human,
            Some("full") => DemoPace::Full,
            Some(other) => return Err(wrong("OKCVM_DEMO_PACE", other, "human or full")),
        };
        let home = directories::BaseDirs::new().map(|folders| folders.home_dir().to_owned());
        Ok(Self {
            okcvm_home: variable(HOME).map(PathBuf::from),
            python: variable(PYTHON).map(PathBuf::from),
            search_path: variable("PATH").map(Into::into),
            home,
            profile: profile(&variable)?,
            key: variable("OKCVM_CHAT_API_KEY").map(SecretString::from),
            demo_pace,
            log_filter: variable("OKCVM_LOG"),
        })
    }

    /// Reads the variables of this process.
    pub fn of_process() -> Result<Self, AppError> {
        for name in VARIABLES {
            if std::env::var_os(name).is_some_and(|value| value.to_str().is_none()) {
                return Err(AppError::new(format!("{name} is not readable as text (UTF-8).")));
            }
        }
        let mut environment = Self::read(|name| std::env::var(name).ok())?;
        // A path may hold any bytes.
        environment.okcvm_home = std::env::var_os(HOME).filter(|home| !home.is_empty()).map(PathBuf::from);
        environment.python = std::env::var_os(PYTHON)
            .filter(|folder| !folder.is_empty())
            .map(|folder| std::path::absolute(&folder).unwrap_or_else(|_| PathBuf::from(folder)));
        environment.search_path = std::env::var_os("PATH");
        Ok(environment)
    }
}

fn profile(variable: &impl Fn(&str) -> Option<String>) -> Result<Option<ModelProfile>, AppError> {
    let base_url = variable("OKCVM_CHAT_BASE_URL");
    let model = variable("OKCVM_CHAT_MODEL");
    let provider = match variable("OKCVM_CHAT_PROVIDER").as_deref() {
        Some("openai") => ProviderKind::OpenAi,
        Some("anthropic") => ProviderKind::Anthropic,
        Some("demo") => ProviderKind::Demo,
        Some(other) => return Err(wrong("OKCVM_CHAT_PROVIDER", other, "openai, anthropic or demo")),
        None if ["OKCVM_CHAT_BASE_URL", "OKCVM_CHAT_MODEL", "OKCVM_CHAT_API_KEY"]
            .iter()
            .any(|name| variable(name).is_some()) =>
        {
            ProviderKind::OpenAi
        }
        None => return Ok(None),
    };
    if provider != ProviderKind::Demo {
        let missing = match (&base_url, &model) {
            (None, _) => Some("OKCVM_CHAT_BASE_URL"),
            (_, None) => Some("OKCVM_CHAT_MODEL"),
            (Some(_), Some(_)) => None,
        };
        if let Some(missing) = missing {
            return Err(AppError::new(format!(
                "{missing} is not set, but other OKCVM_CHAT_… variables are."
            ))
            .with_hint("Set OKCVM_CHAT_BASE_URL and OKCVM_CHAT_MODEL together, or none of them."));
        }
    }
    Ok(Some(ModelProfile {
        id: ENVIRONMENT_PROFILE.into(),
        name: "From the environment".into(),
        provider,
        base_url: base_url.unwrap_or_default(),
        model: model.unwrap_or_else(|| "okcvm-demo".into()),
        vision: variable("OKCVM_CHAT_VISION").is_some_and(|value| value == "1" || value == "true"),
        max_tokens: None,
        prices: None,
    }))
}

fn wrong(name: &str, value: &str, allowed: &str) -> AppError {
    AppError::new(format!("{name} is “{value}”; it may be {allowed}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Environment, AppError> {
        let pairs: Vec<(String, String)> =
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Environment::read(move |name| {
            pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
        })
    }

    #[test]
    fn nothing_set_means_no_profile() {
        assert_eq!(read(&[]).unwrap().profile, None);
    }

    #[test]
    fn an_address_and_a_model_make_an_openai_profile() {
        let profile = read(&[("OKCVM_CHAT_BASE_URL", "http://127.0.0.1:1/v1"), ("OKCVM_CHAT_MODEL", "m")]);
        let profile = profile.unwrap().profile.unwrap();
        assert_eq!((profile.provider, profile.model.as_str()), (ProviderKind::OpenAi, "m"));
    }

    #[test]
    fn half_a_profile_and_wrong_words_are_errors_that_name_the_variable() {
        for (pairs, named) in [
            (vec![("OKCVM_CHAT_BASE_URL", "http://127.0.0.1:1/v1")], "OKCVM_CHAT_MODEL"),
            (vec![("OKCVM_CHAT_MODEL", "m")], "OKCVM_CHAT_BASE_URL"),
            (vec![("OKCVM_CHAT_API_KEY", "k")], "OKCVM_CHAT_BASE_URL"),
            (vec![("OKCVM_CHAT_PROVIDER", "anthropic")], "OKCVM_CHAT_BASE_URL"),
            (vec![("OKCVM_CHAT_PROVIDER", "other")], "OKCVM_CHAT_PROVIDER"),
            (vec![("OKCVM_DEMO_PACE", "fast")], "OKCVM_DEMO_PACE"),
        ] {
            let error = read(&pairs).unwrap_err();
            assert!(error.message.contains(named), "{} does not name {named}", error.message);
        }
    }

    #[test]
    fn the_key_is_not_shown_by_debug() {
        let pairs = [("OKCVM_CHAT_PROVIDER", "demo"), ("OKCVM_CHAT_API_KEY", "sk-very-secret")];
        let environment = read(&pairs).unwrap();
        assert!(!format!("{environment:?}").contains("very-secret"));
    }
}
