//! Making the Python environment: once, whole or not at all, by one program at a time, with the user's own index.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::command_line::{signal, text, until, workspace};
use crate::desk::command;

/// An address at which nobody answers.
fn dead_index() -> String {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    format!("http://{}/simple", listener.local_addr().unwrap())
}

fn okcvm(folder: &Path, arguments: &[&str]) -> Command {
    let mut program = Command::new(command());
    program
        .args(arguments)
        .env("OKCVM_HOME", folder.join("data"))
        .env_remove("OKCVM_PYTHON")
        .stdin(Stdio::null());
    program
}

/// With an index that does not answer, and no other place to get packages from.
fn offline(program: &mut Command) -> &mut Command {
    let index = dead_index();
    program
        .env("PIP_INDEX_URL", &index)
        .env("UV_INDEX_URL", &index)
        .env("UV_DEFAULT_INDEX", &index)
        .env("PIP_RETRIES", "0")
        .env("UV_HTTP_TIMEOUT", "5")
        .env("UV_NO_CACHE", "1")
        .env("PIP_NO_CACHE_DIR", "1")
        .env_remove("PIP_FIND_LINKS")
        .env_remove("PIP_EXTRA_INDEX_URL")
}

fn call(folder: &Path, code: &str) -> Command {
    let arguments = serde_json::json!({ "code": code }).to_string();
    let mut program = okcvm(folder, &[]);
    program.args([
        "tool",
        "call",
        "ipython",
        "--workspace",
        &workspace(folder),
        "--arguments",
        &arguments,
        "--json",
    ]);
    program
}

fn status(folder: &Path) -> Value {
    let output = okcvm(folder, &["python", "status", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn result_text(output: &Output) -> String {
    let value: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", text(&output.stdout), text(&output.stderr)));
    value["content"][0]["text"].as_str().unwrap().to_owned()
}

fn left(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder.join("data/python"))
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn offline_it_says_so_and_the_plain_kernel_takes_over() {
    let folder = tempfile::tempdir().unwrap();
    let created = offline(&mut okcvm(folder.path(), &["python", "create"])).output().unwrap();
    assert_eq!(created.status.code(), Some(1), "{}", text(&created.stdout));
    let said = text(&created.stderr);
    assert!(
        said.contains("cannot be had") && said.contains("ipykernel") && said.contains("plain kernel"),
        "{said}"
    );
    assert_eq!(left(folder.path()), ["lock"]);
    assert_eq!(status(folder.path())["state"], "missing");

    let called = offline(&mut call(folder.path(), "x = 20\nx + 1")).output().unwrap();
    assert!(called.status.success(), "{}", text(&called.stderr));
    let said = result_text(&called);
    assert!(said.starts_with("21\n") && said.contains("the plain one of OKCVM"), "{said}");
    assert!(said.contains("cannot be had") && said.contains("no % magics"), "{said}");
    assert_eq!(left(folder.path()), ["lock"]);
}

#[test]
fn killed_half_way_nothing_is_taken_for_whole_and_nothing_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = okcvm(folder.path(), &["python", "create"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let made = || left(folder.path()).iter().any(|name| name.starts_with("env-"));
    until("the beginning of an environment", made);
    std::thread::sleep(Duration::from_millis(1_500));
    signal(program.id(), "KILL");
    program.wait().unwrap();
    // What it had started ends, too.
    let place = folder.path().join("data/python").to_string_lossy().into_owned();
    until("the end of pip", || crate::python_kernel::processes(&place) == 0);
    assert_eq!(status(folder.path())["state"], "missing");
    // The next one removes what was left.
    let created = offline(&mut okcvm(folder.path(), &["python", "create"])).output().unwrap();
    assert_eq!(created.status.code(), Some(1));
    assert_eq!(left(folder.path()), ["lock"]);
}

#[test]
fn a_stop_calls_it_off_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = okcvm(folder.path(), &["python", "create"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("the beginning of an environment", || {
        left(folder.path()).iter().any(|name| name.starts_with("env-"))
    });
    let begun = Instant::now();
    signal(program.id(), "INT");
    assert_eq!(program.wait().unwrap().code(), Some(130));
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
    assert_eq!(left(folder.path()), ["lock"]);
}

/// Two programs at once make one environment; a third renews it; then it is broken and healed.
#[test]
fn two_at_once_make_one_and_a_broken_one_is_repaired() {
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        okcvm(folder.path(), &["python", "create", "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let (first, second) = (start(), start());
    let outputs = [first.wait_with_output().unwrap(), second.wait_with_output().unwrap()];
    for output in &outputs {
        assert!(output.status.success(), "{}", text(&output.stderr));
        let status: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(status["state"], "ready");
        assert!(status["packages"].as_array().unwrap().iter().any(|package| package["name"] == "ipykernel"));
    }
    let environments = || -> Vec<String> {
        left(folder.path()).into_iter().filter(|name| name.starts_with("env-")).collect()
    };
    let made = environments();
    assert_eq!(made.len(), 1, "{made:?}");
    let installed = |output: &Output| text(&output.stderr).contains("Making a Python environment");
    assert_eq!(outputs.iter().filter(|output| installed(output)).count(), 1);

    // Its interpreter is gone: that is seen, and the repair makes another one.
    std::fs::remove_file(folder.path().join("data/python").join(&made[0]).join("bin/python3")).unwrap();
    assert_eq!(status(folder.path())["state"], "broken");
    let repaired = okcvm(folder.path(), &["python", "repair", "--json"]).output().unwrap();
    assert!(repaired.status.success(), "{}", text(&repaired.stderr));
    assert_eq!(status(folder.path())["state"], "ready");
    let now = environments();
    assert!(now.len() == 1 && now != made, "{made:?} {now:?}");
    let called = call(folder.path(), "import sys\nsys.prefix").output().unwrap();
    assert!(result_text(&called).contains(&now[0]), "{}", text(&called.stdout));
}

#[test]
fn a_folder_that_cannot_be_written_is_named_and_the_plain_kernel_takes_over() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("data")).unwrap();
    std::fs::write(folder.path().join("data/python"), "in the way").unwrap();
    let created = okcvm(folder.path(), &["python", "create"]).output().unwrap();
    assert_eq!(created.status.code(), Some(1));
    assert!(text(&created.stderr).contains("cannot be written"), "{}", text(&created.stderr));
    let called = call(folder.path(), "1 + 1").output().unwrap();
    let said = result_text(&called);
    assert!(said.starts_with("2\n") && said.contains("the plain one of OKCVM"), "{said}");
}

/// Programs of a workspace are the agent's own, and what makes an environment runs outside of the sandbox.
#[test]
fn programs_of_the_workspace_are_not_run_outside_of_the_sandbox() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let bin = Path::new(&workspace(folder.path())).join(".venv/bin");
    std::fs::create_dir_all(&bin).unwrap();
    let run = folder.path().join("run");
    for name in ["uv", "python3", "python"] {
        let script = format!("#!/bin/sh\necho {name} >> '{}'\nexit 1\n", run.display());
        std::fs::write(bin.join(name), script).unwrap();
        std::fs::set_permissions(bin.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display());
    let called = offline(&mut call(folder.path(), "20 + 1")).env("PATH", path).output().unwrap();
    let said = result_text(&called);
    assert!(said.starts_with("21\n") && said.contains("the plain one of OKCVM"), "{said}");
    assert!(!run.exists(), "{}", std::fs::read_to_string(&run).unwrap());
}

#[test]
fn without_any_python_it_says_what_to_install() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let called = call(folder.path(), "1 + 1").env("PATH", &empty).output().unwrap();
    assert_eq!(called.status.code(), Some(1));
    assert!(result_text(&called).contains("apt-get install python3"), "{}", text(&called.stdout));
    let doctor = okcvm(folder.path(), &["doctor"]).env("PATH", &empty).output().unwrap();
    assert!(text(&doctor.stdout).contains("There is no python3"), "{}", text(&doctor.stdout));
}

/// A disk with little room, at the place of the environment; unmounted when this is dropped. Only root may mount one:
/// for anybody else the test `name` fails, unless the environment says that it is to be left out.
#[cfg(target_os = "linux")]
struct SmallDisk(std::path::PathBuf);

#[cfg(target_os = "linux")]
impl SmallDisk {
    fn new(folder: &Path, megabytes: u32, name: &str) -> Option<Self> {
        const WITHOUT_MOUNTS: &str = "OKCVM_TEST_WITHOUT_MOUNTS";
        let place = folder.join("data/python");
        std::fs::create_dir_all(&place).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"])
            .arg(&place)
            .output()
            .is_ok_and(|output| output.status.success());
        assert!(
            mounted || std::env::var_os(WITHOUT_MOUNTS).is_some(),
            "{name} needs a small disk, and none can be mounted here; set {WITHOUT_MOUNTS} to leave it out"
        );
        mounted.then(|| Self(place))
    }
}

#[cfg(target_os = "linux")]
impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(&self.0).status();
        if !std::thread::panicking() {
            assert!(unmounted.is_ok_and(|status| status.success()), "the small disk is still in use");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn on_a_full_disk_it_says_so_and_leaves_nothing_behind() {
    // The first has no room for an empty environment, the second none for the packages.
    for megabytes in [5, 60] {
        let folder = tempfile::tempdir().unwrap();
        let name = "on_a_full_disk_it_says_so_and_leaves_nothing_behind";
        let Some(_disk) = SmallDisk::new(folder.path(), megabytes, name) else { return };
        let created = okcvm(folder.path(), &["python", "create"]).output().unwrap();
        assert_eq!(created.status.code(), Some(1), "{}", text(&created.stdout));
        let said = text(&created.stderr);
        let place = folder.path().join("data/python").to_string_lossy().into_owned();
        assert!(said.contains("no room left") && said.contains(&place), "{megabytes} MB: {said}");
        assert!(said.contains("Free some space"), "{megabytes} MB: {said}");
        assert_eq!(left(folder.path()), ["lock"], "{megabytes} MB");
        assert_eq!(status(folder.path())["state"], "missing");
        // The plain kernel runs all the same, and says why it is there.
        let called = call(folder.path(), "20 + 1").output().unwrap();
        let said = result_text(&called);
        assert!(said.starts_with("21\n") && said.contains("the plain one of OKCVM"), "{said}");
        assert!(said.contains("no room left"), "{megabytes} MB: {said}");
        assert_eq!(left(folder.path()), ["lock"], "{megabytes} MB");
    }
}
