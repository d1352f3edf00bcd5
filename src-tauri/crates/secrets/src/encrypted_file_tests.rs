use std::fs;

use secrecy::ExposeSecret as _;

use super::*;

/// The least that argon2 allows: these tests are about the file, not about the cost.
const CHEAP: PassphraseCost = PassphraseCost { memory_kib: 8, iterations: 1, lanes: 1 };

fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

fn open(path: &Path, passphrase: &str) -> Result<EncryptedFile, VaultError> {
    EncryptedFile::open(path, &secret(passphrase), CHEAP)
}

fn read_key(file: &EncryptedFile, profile: &str) -> Option<String> {
    file.get(profile).unwrap().map(|key| key.expose_secret().to_owned())
}

#[test]
fn keys_come_back_after_a_restart_and_are_nowhere_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deeper/keys.json");
    let file = open(&path, "four words in a row").unwrap();
    file.set("mine", &secret("canary-ключ-4711")).unwrap();
    file.set("other", &secret("another")).unwrap();
    file.delete("other").unwrap();
    drop(file);

    let text = fs::read_to_string(&path).unwrap();
    assert!(!text.contains("canary") && !text.contains("mine"), "{text}");
    let file = open(&path, "four words in a row").unwrap();
    assert_eq!(read_key(&file, "mine").as_deref(), Some("canary-ключ-4711"));
    assert_eq!(file.profiles().unwrap(), ["mine"]);
    assert_eq!(read_key(&file, "other"), None);
    assert!(!format!("{file:?}").contains("canary"));
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let file = open(&path, "long enough").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    file.set("a", &secret("a key")).unwrap();
    for name in ["keys.json", "keys.json.lock"] {
        let mode = fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "nothing temporary stays: {names:?}");
}

#[test]
fn a_wrong_passphrase_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    open(&path, "the right one").unwrap().set("a", &secret("kept")).unwrap();
    let before = fs::read(&path).unwrap();
    assert!(matches!(open(&path, "the wrong one"), Err(VaultError::WrongPassphrase(_))));
    assert!(matches!(open(&path, ""), Err(VaultError::WrongPassphrase(_))));
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(read_key(&open(&path, "the right one").unwrap(), "a").as_deref(), Some("kept"));
}

#[test]
fn a_short_passphrase_begins_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    assert!(matches!(open(&path, "1234567"), Err(VaultError::ShortPassphrase(8))));
    assert!(!path.exists());
}

#[test]
fn a_changed_field_is_noticed_and_a_foreign_file_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    open(&path, "long enough").unwrap().set("a", &secret("kept")).unwrap();
    let good: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();

    let problem_of = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut changed = good.clone();
        change(&mut changed);
        let text = changed.to_string();
        fs::write(&path, &text).unwrap();
        let error = open(&path, "long enough").unwrap_err();
        assert_eq!(fs::read_to_string(&path).unwrap(), text, "an error leaves the file as it is");
        match error {
            VaultError::WrongPassphrase(_) => "does not open".to_owned(),
            VaultError::Damaged { reason, .. } => reason,
            other => other.to_string(),
        }
    };
    let problems = [
        problem_of(&|file| file["version"] = 2.into()),
        problem_of(&|file| file["format"] = "other".into()),
        problem_of(&|file| file["cipher"] = "none".into()),
        problem_of(&|file| file["cost"]["memoryKib"] = 4_000_000_000_u32.into()),
        problem_of(&|file| file["cost"]["iterations"] = 2.into()),
        problem_of(&|file| file["salt"] = "AAAA".into()),
        problem_of(&|file| file["nonce"] = BASE64.encode([7; NONCE_BYTES]).into()),
        problem_of(&|file| file["data"] = "%".into()),
        problem_of(&|file| *file = "words".into()),
    ];
    assert_eq!(
        problems,
        [
            "it has version 2, this program knows version 1",
            "it is not a file of keys of this program",
            "it names an unknown cipher",
            "its cost is beyond all measure",
            "does not open",
            "its salt is not 16 bytes of base64",
            "does not open",
            "its data is not base64",
            "it is not a file of keys of this program",
        ]
    );
}

#[test]
fn two_programs_write_the_same_file_without_losing_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    open(&path, "long enough").unwrap();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let path = &path;
            scope.spawn(move || {
                let file = open(path, "long enough").unwrap();
                for number in 0..10 {
                    file.set(&format!("{writer}-{number}"), &secret("a key")).unwrap();
                }
            });
        }
    });
    assert_eq!(open(&path, "long enough").unwrap().profiles().unwrap().len(), 40);
}

#[test]
fn a_file_begun_anew_by_another_program_asks_for_its_passphrase() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let ours = open(&path, "long enough").unwrap();
    fs::remove_file(&path).unwrap();
    let theirs = open(&path, "something else").unwrap();
    theirs.set("a", &secret("theirs")).unwrap();
    assert!(matches!(ours.get("a"), Err(VaultError::Locked(_))));
    assert!(matches!(ours.set("a", &secret("ours")), Err(VaultError::Locked(_))));
    assert_eq!(read_key(&theirs, "a").as_deref(), Some("theirs"));
}

#[test]
fn the_default_cost_opens_what_it_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    EncryptedFile::open(&path, &secret("long enough"), PassphraseCost::default()).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(r#""memoryKib": 65536"#), "{text}");
    // The cost comes from the file, not from the caller.
    open(&path, "long enough").unwrap();
}
