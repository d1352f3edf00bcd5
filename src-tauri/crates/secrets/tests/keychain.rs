//! The vault on a real keychain: gnome-keyring on a message bus of its own, with a home of its own.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    env,
    process::{Command, Stdio},
};

use okcvm_protocol::SecretBackend;
use okcvm_secrets::{ExposeSecret as _, SecretString, Vault, VaultOptions};

/// Set for the process that runs inside the session; its value is the folder of the test.
const INSIDE: &str = "OKCVM_TEST_INSIDE_SESSION";

/// Starts the daemon with its login keyring open, waits until it owns its name on the bus, and becomes the test.
const UNLOCKED: &str = r#"
printf test-password | gnome-keyring-daemon --unlock --components=secrets >/dev/null || exit 3
for try in $(seq 100); do
  dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.NameHasOwner \
    string:org.freedesktop.secrets | grep -q true && exec "$0" "$@"
  sleep 0.1
done
exit 4
"#;

/// The bus is there, the daemon too, but nobody ever opened a keyring.
const LOCKED: &str =
    r#"gnome-keyring-daemon --start --components=secrets >/dev/null || exit 3; exec "$0" "$@""#;

/// Runs the test `name` of this file again, inside a session that `script` prepares. `timeout` bounds it, and the
/// daemon ends with its bus.
fn run_inside(name: &str, script: &str) {
    for program in ["timeout", "dbus-run-session", "dbus-send", "gnome-keyring-daemon"] {
        let found =
            env::split_paths(&env::var_os("PATH").unwrap()).any(|folder| folder.join(program).is_file());
        assert!(found, "`{program}` is missing; on Debian: apt-get install dbus gnome-keyring");
    }
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("timeout")
        .args(["--kill-after=5", "60", "dbus-run-session", "--", "sh", "-c", script])
        .arg(env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, folder.path())
        .env("HOME", folder.path())
        .env("XDG_RUNTIME_DIR", folder.path())
        .env("XDG_DATA_HOME", folder.path().join("data"))
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("GNOME_KEYRING_CONTROL")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{text}", output.status);
    assert!(text.contains("1 passed"), "the test did not run inside the session:\n{text}");
}

fn vault() -> Vault {
    let folder = std::path::PathBuf::from(env::var_os(INSIDE).unwrap());
    Vault::open(VaultOptions {
        service: "okcvm-test".into(),
        file: folder.join("keys.json"),
        preferred: None,
        environment: BTreeMap::new(),
    })
}

#[test]
fn a_real_keychain_keeps_keys() {
    if env::var_os(INSIDE).is_none() {
        return run_inside("a_real_keychain_keeps_keys", UNLOCKED);
    }
    let first = vault();
    assert!(first.probe(), "{:?}", first.status(&[]));
    first.set("mine", &SecretString::from("s3cr3t-äöü-鍵")).unwrap();
    first.set("mine", &SecretString::from("another-äöü-鍵")).unwrap();
    drop(first);

    let second = vault();
    assert!(second.probe());
    let status = second.status(&["mine".into(), "other".into()]);
    assert_eq!(status.backend, SecretBackend::Keychain);
    assert_eq!(status.keys.iter().map(|key| key.set).collect::<Vec<_>>(), [true, false]);
    assert_eq!(second.get("mine").unwrap().unwrap().expose_secret(), "another-äöü-鍵");
    second.delete("mine").unwrap();
    second.delete("mine").unwrap();
    assert!(second.get("mine").unwrap().is_none());
}

#[test]
fn a_locked_keychain_is_found_out_at_start() {
    if env::var_os(INSIDE).is_none() {
        return run_inside("a_locked_keychain_is_found_out_at_start", LOCKED);
    }
    let vault = vault();
    assert!(!vault.probe());
    let status = vault.status(&[]);
    assert_eq!((status.backend, status.keychain_works), (SecretBackend::None, false));
    assert!(status.keychain_error.is_some_and(|error| !error.is_empty()));
}

#[test]
fn without_a_message_bus_there_is_no_keychain() {
    if env::var_os(INSIDE).is_none() {
        let nowhere = r#"DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent/bus exec "$0" "$@""#;
        return run_inside("without_a_message_bus_there_is_no_keychain", nowhere);
    }
    let vault = vault();
    assert!(!vault.probe());
    let error = vault.status(&[]).keychain_error.unwrap();
    assert!(error.starts_with("no keychain answers"), "{error}");
}
