//! What is installed, what is missing, and how to get it.

use okcvm_protocol::{AppError, Check, CheckStatus, SecretBackend};

use crate::host::Parts;

impl Parts {
    /// Looks at everything that the app needs. Blocking, some seconds at most.
    pub fn examine(&self) -> Vec<Check> {
        let mut checks = vec![self.data_check(), self.settings_check()];
        let sandbox = self.sandbox.status();
        checks.push(Check {
            name: "Sandbox".into(),
            status: if sandbox.available { CheckStatus::Ok } else { CheckStatus::Failed },
            message: sandbox.mode.clone(),
            hint: (!sandbox.available).then(|| {
                if cfg!(target_os = "linux") {
                    "Without it no command is run. A Linux kernel with Landlock (5.13 or later) is needed."
                        .into()
                } else {
                    "Without it no command is run. The lines below say what did not hold.".into()
                }
            }),
        });
        checks.extend(
            sandbox.layers.into_iter().map(|layer| Check { name: format!("  {}", layer.name), ..layer }),
        );
        checks.push(self.python_check());
        checks.push(slides_check());
        checks.push(self.key_check());
        checks.push(self.deployment_check());
        for tool in self.registry.statuses() {
            checks.push(Check {
                name: tool.name,
                status: if tool.available { CheckStatus::Ok } else { CheckStatus::Warning },
                message: tool.reason.unwrap_or(tool.summary),
                hint: None,
            });
        }
        checks
    }

    fn data_check(&self) -> Check {
        let probe = self.data.root().join("write-test");
        let written = std::fs::write(&probe, b"test");
        // A full disk takes the file, but not what is in it.
        let removed = std::fs::remove_file(&probe);
        let written = written.and(removed);
        let folder = self.data.root().display();
        match written {
            Ok(()) => ok("Data folder", format!("{folder} can be written.")),
            Err(error) => failed(
                "Data folder",
                format!("{folder} cannot be written: {error}."),
                "Free some space, correct its owner, or set OKCVM_HOME to another folder.",
            ),
        }
    }

    fn settings_check(&self) -> Check {
        match self.settings_problem() {
            None => ok("Settings", format!("{} is in order.", self.data.settings().display())),
            Some(AppError { message, hint, .. }) => {
                Check { name: "Settings".into(), status: CheckStatus::Failed, message, hint }
            }
        }
    }

    fn key_check(&self) -> Check {
        let status = self.vault.status(&[]);
        if status.keychain_works {
            return ok("Keychain", "Keys are kept by the operating system.".into());
        }
        let in_use = match status.backend {
            SecretBackend::EncryptedFile => "Keys are kept in an encrypted file.",
            SecretBackend::Memory => "Keys are kept in memory until the program ends.",
            SecretBackend::Keychain | SecretBackend::None => "No place for keys was chosen yet.",
        };
        Check {
            name: "Keychain".into(),
            status: CheckStatus::Warning,
            message: format!(
                "The keychain cannot be used ({}). {in_use}",
                status.keychain_error.unwrap_or_else(|| "no reason given".into())
            ),
            hint: Some(
                "Install and unlock a Secret Service such as gnome-keyring, choose an encrypted file in the settings, \
                 or set OKCVM_CHAT_API_KEY."
                    .into(),
            ),
        }
    }

    fn deployment_check(&self) -> Check {
        match self.address.shown() {
            (_, Some(error)) => failed(
                "Deployed sites",
                error,
                "End the other program, or choose another deploymentPort in the settings file.",
            ),
            (Some(address), None) => ok("Deployed sites", format!("Served at {address}.")),
            (None, None) => ok("Deployed sites", "Served by the window while it is open.".into()),
        }
    }
}

/// What lays slides out for the command line.
fn slides_check() -> Check {
    #[cfg(unix)]
    if let Some(program) = okcvm_slides::find_browser() {
        return ok("Slides", format!("{} lays slides out.", program.display()));
    }
    Check {
        name: "Slides".into(),
        status: CheckStatus::Warning,
        message: "No web engine is installed that lays slides out on the command line.".into(),
        hint: Some(
            "Install Chromium, Google Chrome or Microsoft Edge (on Debian: apt install chromium), or name one in \
             OKCVM_BROWSER."
                .into(),
        ),
    }
}

fn ok(name: &str, message: String) -> Check {
    Check { name: name.into(), status: CheckStatus::Ok, message, hint: None }
}

fn failed(name: &str, message: String, hint: &str) -> Check {
    Check { name: name.into(), status: CheckStatus::Failed, message, hint: Some(hint.into()) }
}
