use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use okcvm_protocol::{KeyStatus, SecretBackend, SecretChoice, SecretStatus};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    EncryptedFile, Keychain, KeychainError, OsKeychain, PassphraseCost, Redactor, VaultError,
    guarded::GuardedKeychain,
};

/// The test at start must not hold up the window: a prompt that nobody sees counts as "does not work".
const PROBE_LIMIT: Duration = Duration::from_secs(5);
/// A call that the user asked for may open a prompt; there is time to type a password.
const CALL_LIMIT: Duration = Duration::from_secs(60);

static PROBES: AtomicU64 = AtomicU64::new(0);

/// How a vault is opened.
#[derive(Debug, Clone)]
pub struct VaultOptions {
    /// The name under which the keychain keeps the entries.
    pub service: String,
    /// Where the encrypted file lies or would lie.
    pub file: PathBuf,
    /// What the user chose earlier; the caller keeps it. Without a choice the keychain is used if it works.
    pub preferred: Option<SecretBackend>,
    /// Profile → key, from environment variables. They override what is kept.
    pub environment: BTreeMap<String, SecretString>,
}

struct State {
    backend: SecretBackend,
    keychain_works: bool,
    keychain_error: Option<String>,
    file: Option<Arc<EncryptedFile>>,
    memory: BTreeMap<String, SecretString>,
}

/// The keys of model profiles. All calls but [`Vault::open`] may block: run them off the async threads.
pub struct Vault {
    options: VaultOptions,
    keychain: GuardedKeychain,
    cost: PassphraseCost,
    probe_limit: Duration,
    call_limit: Duration,
    redactor: Option<Redactor>,
    state: Mutex<State>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let backend = self.state().backend;
        formatter
            .debug_struct("Vault")
            .field("service", &self.options.service)
            .field("file", &self.options.file)
            .field("backend", &backend)
            .finish_non_exhaustive()
    }
}

impl Vault {
    /// A vault on the keychain of the operating system. Touches nothing yet; call [`Vault::probe`] next.
    pub fn open(options: VaultOptions) -> Self {
        Self::with_keychain(options, Arc::new(OsKeychain))
    }

    /// A vault on another keychain.
    pub fn with_keychain(options: VaultOptions, keychain: Arc<dyn Keychain>) -> Self {
        let backend = match options.preferred {
            Some(backend @ (SecretBackend::EncryptedFile | SecretBackend::Memory)) => backend,
            Some(SecretBackend::Keychain | SecretBackend::None) | None => SecretBackend::None,
        };
        let state = State {
            backend,
            keychain_works: false,
            keychain_error: Some("not tried yet".into()),
            file: None,
            memory: BTreeMap::new(),
        };
        Self {
            options,
            keychain: GuardedKeychain::new(keychain),
            cost: PassphraseCost::default(),
            probe_limit: PROBE_LIMIT,
            call_limit: CALL_LIMIT,
            redactor: None,
            state: Mutex::new(state),
        }
    }

    /// The same vault, which teaches `redactor` every key that passes through it, at the latest before the key
    /// is handed out.
    #[must_use]
    pub fn with_redactor(mut self, redactor: Redactor) -> Self {
        for key in self.options.environment.values() {
            redactor.learn(key.expose_secret());
        }
        self.redactor = Some(redactor);
        self
    }

    /// The same vault with other limits of time for the test at start and for calls.
    #[must_use]
    pub fn with_limits(mut self, probe: Duration, call: Duration) -> Self {
        self.probe_limit = probe;
        self.call_limit = call;
        self
    }

    /// The same vault with another cost of the passphrase for new files.
    #[must_use]
    pub fn with_passphrase_cost(mut self, cost: PassphraseCost) -> Self {
        self.cost = cost;
        self
    }

    /// Tests the keychain by writing, reading and deleting an entry, for at most five seconds, and takes it into
    /// use unless the user chose otherwise. Who chose the file or memory is not disturbed by a keychain's prompt:
    /// then nothing is tested. Returns whether the vault can keep keys now.
    pub fn probe(&self) -> bool {
        match self.options.preferred {
            Some(SecretBackend::EncryptedFile) => {
                self.state().keychain_error = Some("not tried: an encrypted file was chosen".into());
            }
            Some(SecretBackend::Memory) => {
                self.state().keychain_error = Some("not tried: memory was chosen".into());
            }
            Some(SecretBackend::Keychain | SecretBackend::None) | None => {
                let result = self.test_keychain();
                let mut state = self.state();
                if result.is_ok() && state.backend == SecretBackend::None {
                    state.backend = SecretBackend::Keychain;
                }
            }
        }
        let state = self.state();
        match state.backend {
            SecretBackend::Keychain | SecretBackend::Memory => true,
            SecretBackend::EncryptedFile => state.file.is_some(),
            SecretBackend::None => false,
        }
    }

    /// Where keys are kept, whether that works, and which of `profiles` have one.
    pub fn status(&self, profiles: &[String]) -> SecretStatus {
        let keys = profiles
            .iter()
            .map(|profile| {
                let from_environment = self.options.environment.contains_key(profile);
                let set = from_environment || self.get(profile).is_ok_and(|key| key.is_some());
                KeyStatus { profile: profile.clone(), set, from_environment }
            })
            .collect();
        let state = self.state();
        SecretStatus {
            backend: state.backend,
            keychain_works: state.keychain_works,
            keychain_error: state.keychain_error.clone(),
            file_locked: state.file.is_none() && self.options.file.exists(),
            keys,
        }
    }

    /// Takes another place into use. Keys that were only in memory move there. Keys in a place that is left stay
    /// where they are. A failed choice changes nothing.
    pub fn choose(&self, choice: &SecretChoice) -> Result<SecretBackend, VaultError> {
        let backend = match choice {
            SecretChoice::Keychain => {
                self.test_keychain().map_err(VaultError::Keychain)?;
                SecretBackend::Keychain
            }
            SecretChoice::Memory => SecretBackend::Memory,
            SecretChoice::EncryptedFile { passphrase } => {
                let passphrase = SecretString::from(passphrase.as_str());
                let file = EncryptedFile::open(&self.options.file, &passphrase, self.cost)?;
                self.state().file = Some(Arc::new(file));
                SecretBackend::EncryptedFile
            }
        };
        let homeless = match backend {
            SecretBackend::Memory | SecretBackend::None => BTreeMap::new(),
            SecretBackend::Keychain | SecretBackend::EncryptedFile => self.state().memory.clone(),
        };
        for (profile, key) in &homeless {
            self.keep(backend, profile, key)?;
        }
        let mut state = self.state();
        state.backend = backend;
        for profile in homeless.keys() {
            state.memory.remove(profile);
        }
        Ok(backend)
    }

    /// Keeps the key of a profile, in place of an earlier one.
    pub fn set(&self, profile: &str, key: &SecretString) -> Result<(), VaultError> {
        self.learn(key);
        let backend = self.state().backend;
        self.keep(backend, profile, key)
    }

    /// The key of a profile: from the environment, otherwise from where keys are kept. Where no place was ever
    /// chosen there is no key, which is no error; a chosen place that cannot be reached is one.
    pub fn get(&self, profile: &str) -> Result<Option<SecretString>, VaultError> {
        if let Some(key) = self.options.environment.get(profile) {
            return Ok(Some(key.clone()));
        }
        let backend = self.state().backend;
        let key = match backend {
            SecretBackend::Keychain => {
                let (service, account) = self.address(profile);
                self.call(move |keychain| keychain.get(&service, &account))?
            }
            SecretBackend::EncryptedFile => self.file()?.get(profile)?,
            SecretBackend::Memory => self.state().memory.get(profile).cloned(),
            SecretBackend::None if self.options.preferred == Some(SecretBackend::Keychain) => {
                return Err(self.no_place());
            }
            SecretBackend::None => None,
        };
        if let Some(key) = &key {
            self.learn(key);
        }
        Ok(key)
    }

    /// Forgets the key of a profile where keys are kept now. One from the environment stays in force.
    pub fn delete(&self, profile: &str) -> Result<(), VaultError> {
        let backend = self.state().backend;
        match backend {
            SecretBackend::Keychain => {
                let (service, account) = self.address(profile);
                self.call(move |keychain| keychain.delete(&service, &account))
            }
            SecretBackend::EncryptedFile => self.file()?.delete(profile),
            SecretBackend::Memory => {
                self.state().memory.remove(profile);
                Ok(())
            }
            SecretBackend::None => Err(self.no_place()),
        }
    }

    fn keep(&self, backend: SecretBackend, profile: &str, key: &SecretString) -> Result<(), VaultError> {
        match backend {
            SecretBackend::Keychain => {
                let (service, account) = self.address(profile);
                let key = key.clone();
                self.call(move |keychain| keychain.set(&service, &account, &key))
            }
            SecretBackend::EncryptedFile => self.file()?.set(profile, key),
            SecretBackend::Memory => {
                self.state().memory.insert(profile.into(), key.clone());
                Ok(())
            }
            SecretBackend::None => Err(self.no_place()),
        }
    }

    fn test_keychain(&self) -> Result<(), KeychainError> {
        let service = self.options.service.clone();
        // Two programs, or two vaults of one, may test at the same moment.
        let number = PROBES.fetch_add(1, Ordering::Relaxed);
        let account = format!("probe/{}-{number}", std::process::id());
        let result = self.keychain.call(self.probe_limit, move |keychain| {
            let value = SecretString::from(format!("probe of {account}"));
            keychain.set(&service, &account, &value)?;
            let read = keychain.get(&service, &account);
            keychain.delete(&service, &account)?;
            match read? {
                Some(read) if read.expose_secret() == value.expose_secret() => {}
                Some(_) => {
                    return Err(KeychainError::Failed("it returned another value than it was given".into()));
                }
                None => return Err(KeychainError::Failed("it forgot an entry at once".into())),
            }
            match keychain.get(&service, &account)? {
                None => Ok(()),
                Some(_) => Err(KeychainError::Failed("it kept an entry that was deleted".into())),
            }
        });
        let mut state = self.state();
        state.keychain_works = result.is_ok();
        state.keychain_error = result.as_ref().err().map(ToString::to_string);
        result
    }

    fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce(&dyn Keychain) -> Result<T, KeychainError> + Send + 'static,
    ) -> Result<T, VaultError> {
        self.keychain.call(self.call_limit, call).map_err(VaultError::Keychain)
    }

    fn address(&self, profile: &str) -> (String, String) {
        (self.options.service.clone(), format!("model/{profile}"))
    }

    fn file(&self) -> Result<Arc<EncryptedFile>, VaultError> {
        self.state().file.clone().ok_or_else(|| VaultError::Locked(self.options.file.clone()))
    }

    fn no_place(&self) -> VaultError {
        VaultError::NoPlace { keychain: self.state().keychain_error.clone() }
    }

    fn learn(&self, key: &SecretString) {
        if let Some(redactor) = &self.redactor {
            redactor.learn(key.expose_secret());
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[path = "vault_tests.rs"]
mod tests;
