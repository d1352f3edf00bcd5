use std::{path::Path, time::Instant};

use okcvm_protocol::{AppError, ErrorCode};

use super::*;
use crate::MemoryKeychain;

/// A keychain that fails, lies or hangs as it is told.
struct Faulty(fn() -> Result<Option<SecretString>, KeychainError>);

impl Keychain for Faulty {
    fn set(&self, _: &str, _: &str, _: &SecretString) -> Result<(), KeychainError> {
        Ok(())
    }

    fn get(&self, _: &str, _: &str) -> Result<Option<SecretString>, KeychainError> {
        (self.0)()
    }

    fn delete(&self, _: &str, _: &str) -> Result<(), KeychainError> {
        Ok(())
    }
}

fn options(folder: &Path, preferred: Option<SecretBackend>) -> VaultOptions {
    VaultOptions {
        service: "okcvm-test".into(),
        file: folder.join("keys.json"),
        preferred,
        environment: BTreeMap::new(),
    }
}

fn vault_on(keychain: impl Keychain + 'static, options: VaultOptions) -> Vault {
    Vault::with_keychain(options, Arc::new(keychain))
        .with_passphrase_cost(PassphraseCost { memory_kib: 8, iterations: 1, lanes: 1 })
        .with_limits(Duration::from_secs(30), Duration::from_secs(30))
}

fn broken() -> Result<Option<SecretString>, KeychainError> {
    Err(KeychainError::Absent("nobody home".into()))
}

fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

fn key_of(vault: &Vault, profile: &str) -> Option<String> {
    vault.get(profile).unwrap().map(|key| key.expose_secret().to_owned())
}

#[test]
fn a_working_keychain_is_taken_into_use_and_left_clean() {
    let folder = tempfile::tempdir().unwrap();
    let keychain = Arc::new(MemoryKeychain::default());
    let vault =
        Vault::with_keychain(options(folder.path(), None), Arc::clone(&keychain) as Arc<dyn Keychain>);
    assert!(vault.probe());
    vault.set("mine", &secret("a key")).unwrap();
    let profiles = ["mine".to_owned(), "other".to_owned()];
    let expected = SecretStatus {
        backend: SecretBackend::Keychain,
        keychain_works: true,
        keychain_error: None,
        file_locked: false,
        keys: vec![
            KeyStatus { profile: "mine".into(), set: true, from_environment: false },
            KeyStatus { profile: "other".into(), set: false, from_environment: false },
        ],
    };
    assert_eq!(vault.status(&profiles), expected);
    assert_eq!(keychain.get("okcvm-test", "model/mine").unwrap().unwrap().expose_secret(), "a key");
    vault.delete("mine").unwrap();
    vault.delete("mine").unwrap();
    assert_eq!(key_of(&vault, "mine"), None);
    let probe = format!("probe/{}-0", std::process::id());
    assert!(keychain.get("okcvm-test", &probe).unwrap().is_none());
}

#[test]
fn without_a_keychain_nothing_is_chosen_silently() {
    let folder = tempfile::tempdir().unwrap();
    let vault = vault_on(Faulty(broken), options(folder.path(), None));
    assert!(!vault.probe());
    let status = vault.status(&[]);
    assert_eq!(status.backend, SecretBackend::None);
    assert_eq!(status.keychain_error.as_deref(), Some("no keychain answers: nobody home"));
    assert_eq!(key_of(&vault, "any"), None, "no key was ever kept: a server without keys works");
    let error = AppError::from(vault.set("any", &secret("a key")).unwrap_err());
    assert_eq!(error.code, Some(ErrorCode::NoKeychain));
    assert_eq!(error.detail.as_deref(), Some("no keychain answers: nobody home"));
    assert!(!folder.path().join("keys.json").exists());
}

#[test]
fn a_chosen_keychain_that_is_gone_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let vault = vault_on(Faulty(broken), options(folder.path(), Some(SecretBackend::Keychain)));
    assert!(!vault.probe());
    assert_eq!(vault.get("any").unwrap_err().to_app_error().code, Some(ErrorCode::NoKeychain));
    assert!(vault.choose(&SecretChoice::Keychain).is_err());
    assert_eq!(vault.status(&[]).backend, SecretBackend::None);
}

#[test]
fn a_keychain_that_lies_does_not_work() {
    let folder = tempfile::tempdir().unwrap();
    for (lie, expected) in [
        (Faulty(|| Ok(None)), "the keychain failed: it forgot an entry at once"),
        (
            Faulty(|| Ok(Some(secret("else")))),
            "the keychain failed: it returned another value than it was given",
        ),
        (Faulty(|| panic!("in the client")), "the keychain failed: its client ended unexpectedly"),
    ] {
        let vault = vault_on(lie, options(folder.path(), None));
        assert!(!vault.probe());
        assert_eq!(vault.status(&[]).keychain_error.as_deref(), Some(expected));
        // The thread outlives a panic of the client.
        assert!(!vault.probe());
    }
}

#[test]
fn a_keychain_that_waits_for_a_password_holds_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let hanging = Faulty(|| {
        std::thread::sleep(Duration::from_secs(60));
        Ok(None)
    });
    let limit = Duration::from_millis(300);
    let vault = vault_on(hanging, options(folder.path(), None)).with_limits(limit, limit);
    let begun = Instant::now();
    assert!(!vault.probe());
    assert!(!vault.probe(), "a second try waits in the queue, also no longer than its limit");
    assert!(begun.elapsed() < Duration::from_secs(30), "took {:?}", begun.elapsed());
    let error = vault.status(&[]).keychain_error.unwrap();
    assert!(error.contains("did not answer within"), "{error}");
}

#[test]
fn keys_move_from_memory_to_the_file_and_wait_there_for_the_passphrase() {
    let folder = tempfile::tempdir().unwrap();
    let vault = vault_on(Faulty(broken), options(folder.path(), None));
    vault.probe();
    vault.choose(&SecretChoice::Memory).unwrap();
    vault.set("mine", &secret("typed early")).unwrap();
    let choice = SecretChoice::EncryptedFile { passphrase: "long enough".into() };
    assert_eq!(vault.choose(&choice).unwrap(), SecretBackend::EncryptedFile);
    assert_eq!(key_of(&vault, "mine").as_deref(), Some("typed early"));

    let next = vault_on(Faulty(broken), options(folder.path(), Some(SecretBackend::EncryptedFile)));
    assert!(!next.probe());
    let status = next.status(&["mine".into()]);
    assert_eq!((status.backend, status.file_locked), (SecretBackend::EncryptedFile, true));
    assert!(!status.keys[0].set);
    assert_eq!(next.get("mine").unwrap_err().to_app_error().code, Some(ErrorCode::Locked));
    let wrong = SecretChoice::EncryptedFile { passphrase: "long, but wrong".into() };
    assert_eq!(next.choose(&wrong).unwrap_err().to_app_error().code, Some(ErrorCode::Locked));
    next.choose(&choice).unwrap();
    assert_eq!(key_of(&next, "mine").as_deref(), Some("typed early"));
    assert!(!next.status(&[]).file_locked);
}

#[test]
fn a_wrong_passphrase_does_not_close_an_open_file() {
    let folder = tempfile::tempdir().unwrap();
    let vault = vault_on(MemoryKeychain::default(), options(folder.path(), None));
    vault.choose(&SecretChoice::EncryptedFile { passphrase: "long enough".into() }).unwrap();
    vault.set("mine", &secret("a key")).unwrap();
    vault.choose(&SecretChoice::EncryptedFile { passphrase: "something else".into() }).unwrap_err();
    assert_eq!(key_of(&vault, "mine").as_deref(), Some("a key"));
}

#[test]
fn the_environment_overrides_and_nothing_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(folder.path(), None);
    options.environment.insert("mine".into(), secret("canary-from-outside"));
    let redactor = Redactor::new();
    let vault = vault_on(MemoryKeychain::default(), options).with_redactor(redactor.clone());
    vault.probe();
    vault.set("mine", &secret("canary-kept")).unwrap();
    assert_eq!(key_of(&vault, "mine").as_deref(), Some("canary-from-outside"));
    let keys = vault.status(&["mine".into()]).keys;
    assert_eq!(keys, [KeyStatus { profile: "mine".into(), set: true, from_environment: true }]);
    assert!(!format!("{vault:?} {:?}", vault.options).contains("canary"));
    assert_eq!(redactor.redact("canary-from-outside, canary-kept"), "[redacted], [redacted]");
}
