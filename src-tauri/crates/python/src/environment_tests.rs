use super::*;

fn environment(folder: &Path, path: &Path) -> Environment {
    Environment::new(folder.join("python"), Some(path.as_os_str().to_owned()), None)
}

fn quiet(_: String) {}

#[tokio::test]
async fn without_a_python_it_says_what_to_install() {
    let folder = tempfile::tempdir().unwrap();
    let environment = environment(folder.path(), folder.path());
    let error = environment.create(Renewal::Keep, &quiet, &CancellationToken::new()).await.unwrap_err();
    assert!(error.to_string().contains("apt-get install python3"), "{error}");
    assert_eq!(environment.state(), PythonState::Missing);
}

#[tokio::test]
async fn a_python_that_is_too_old_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let script = "#!/bin/sh\necho '{\"executable\":\"/old/python\",\"base\":\"/old\",\"version\":\"3.6.1\",\"number\":[3,6],\"parts\":true}'\n";
    std::fs::write(folder.path().join("python3"), script).unwrap();
    std::fs::set_permissions(folder.path().join("python3"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let environment = environment(folder.path(), folder.path());
    let error = environment.create(Renewal::Keep, &quiet, &CancellationToken::new()).await.unwrap_err();
    assert!(error.to_string().contains("/old/python is 3.6.1"), "{error}");
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("python"), "a file in the way").unwrap();
    let environment = environment(folder.path(), Path::new("/usr/bin"));
    let error = environment.create(Renewal::Keep, &quiet, &CancellationToken::new()).await.unwrap_err();
    assert!(matches!(error, EnvironmentError::Unwritable { .. }), "{error}");
}

#[test]
fn a_stamp_that_leads_elsewhere_or_nowhere_counts_for_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let environment = environment(folder.path(), folder.path());
    let place = folder.path().join("python");
    std::fs::create_dir_all(place.join("env-1/bin")).unwrap();
    std::fs::write(place.join("env-1/in-use"), "").unwrap();
    std::fs::write(place.join("env-1/bin/python3"), "").unwrap();
    let stamp = |name: &str| {
        format!(
            "{{\"version\":{VERSION},\"folder\":\"{name}\",\"pythonVersion\":\"3\",\"base\":\"/usr\",\"tool\":\"uv\",\"packages\":{{}},\"size\":1}}"
        )
    };
    for (text, state) in [
        (String::new(), PythonState::Broken),
        (stamp("../env-1"), PythonState::Broken),
        (stamp("env-2"), PythonState::Broken),
        (stamp("env-1"), PythonState::Ready),
    ] {
        std::fs::write(place.join(CURRENT), &text).unwrap();
        assert_eq!(environment.state(), state, "{text}");
    }
}

#[test]
fn what_was_left_is_removed_unless_it_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let environment = environment(folder.path(), folder.path());
    let place = folder.path().join("python");
    for name in ["env-left", "env-used"] {
        std::fs::create_dir_all(place.join(name)).unwrap();
        std::fs::write(place.join(name).join(IN_USE), "").unwrap();
    }
    std::fs::write(place.join("other"), "").unwrap();
    let used = File::open(place.join("env-used").join(IN_USE)).unwrap();
    used.lock_shared().unwrap();
    environment.sweep();
    let mut left: Vec<_> = std::fs::read_dir(&place)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["env-used", "other"]);
}

/// A program that notes that it was run.
fn trap(folder: &Path, name: &str, run: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir_all(folder).unwrap();
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\necho {name} >> '{}'\nexit 1\n", run.display())).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn no_program_of_an_agents_folder_is_run() {
    let folder = tempfile::tempdir().unwrap();
    let (workspace, run) = (folder.path().join("workspace"), folder.path().join("run"));
    for name in ["python3", "uv"] {
        trap(&workspace.join(".venv/bin"), name, &run);
        trap(&folder.path().join("other"), name, &run);
    }
    let linked = folder.path().join("linked");
    std::os::unix::fs::symlink(workspace.join(".venv/bin"), &linked).unwrap();
    let mine = folder.path().join("mine");
    std::fs::create_dir(&mine).unwrap();
    for name in ["python3", "uv"] {
        std::os::unix::fs::symlink(workspace.join(".venv/bin").join(name), mine.join(name)).unwrap();
    }
    for found_in in [workspace.join(".venv/bin"), linked, mine] {
        let closed = workspace.clone();
        let environment =
            environment(folder.path(), &found_in).passing_over(move || Ok(vec![closed.clone()]));
        assert!(!environment.has_python(), "{}", found_in.display());
        let closed = environment.agent_folders.closed().unwrap();
        assert_eq!(find::uv(&environment.folder, environment.search_path.as_deref(), &closed), None);
        let error = environment.find_python().await.unwrap_err();
        assert!(matches!(error, EnvironmentError::NoPython(_)), "{error}");
        assert!(!run.exists(), "{}", found_in.display());
    }
    // The same programs elsewhere are asked.
    let closed = workspace.clone();
    let other = environment(folder.path(), &folder.path().join("other"))
        .passing_over(move || Ok(vec![closed.clone()]));
    assert!(other.has_python());
    other.find_python().await.unwrap_err();
    assert!(run.exists());
}

#[tokio::test]
async fn a_python_whose_base_is_an_agents_is_passed_over() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let workspace = folder.path().join("workspace");
    std::fs::create_dir_all(workspace.join("base/bin")).unwrap();
    let base = workspace.join("base");
    let said = serde_json::json!({
        "executable": base.join("bin/python3"), "base": base, "version": "3.12.1", "number": [3, 12], "parts": true,
    });
    std::fs::write(folder.path().join("python3"), format!("#!/bin/sh\necho '{said}'\n")).unwrap();
    std::fs::set_permissions(folder.path().join("python3"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let open = environment(folder.path(), folder.path());
    assert_eq!(open.find_python().await.unwrap().base, base);
    let closed = open.passing_over(move || Ok(vec![workspace.clone()]));
    assert!(matches!(closed.find_python().await, Err(EnvironmentError::NoPython(_))));
}

#[tokio::test]
async fn while_the_agents_folders_are_not_known_nothing_is_run() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    trap(folder.path(), "python3", &run);
    let environment =
        environment(folder.path(), folder.path()).passing_over(|| Err("the database is locked".to_owned()));
    let error = environment.create(Renewal::Keep, &quiet, &CancellationToken::new()).await.unwrap_err();
    assert!(error.to_string().contains("the database is locked"), "{error}");
    assert!(!environment.has_python() && !run.exists());
}

/// A package that is installed as a link into a workspace brings code along that `site` runs.
#[tokio::test]
async fn no_code_of_packages_is_run_while_python_is_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let system =
        Environment::new(folder.path().join("python"), Some("/usr/local/bin:/usr/bin:/bin".into()), None);
    let python = system.find_python().await.unwrap();
    let place = folder.path().join("venv");
    let made = std::process::Command::new(&python.executable)
        .args(["-I", "-m", "venv", "--without-pip"])
        .arg(&place)
        .status()
        .unwrap();
    assert!(made.success());
    let libraries = std::fs::read_dir(place.join("lib")).unwrap().next().unwrap().unwrap().path();
    let run = folder.path().join("run");
    let note = format!("import os; open({:?}, 'w').close()\n", run.display().to_string());
    std::fs::write(libraries.join("site-packages/linked.pth"), note).unwrap();
    let found = environment(folder.path(), &place.join("bin")).find_python().await.unwrap();
    assert_eq!((found.version, found.base), (python.version, python.base));
    assert!(!run.exists());
}

#[test]
fn a_stamp_that_cannot_take_its_place_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let environment = environment(folder.path(), folder.path());
    let place = folder.path().join("python");
    // Nothing takes the place of a folder.
    std::fs::create_dir_all(place.join(CURRENT)).unwrap();
    std::fs::create_dir(place.join("env-1")).unwrap();
    let stamp = Stamp {
        version: VERSION,
        folder: "env-1".to_owned(),
        python_version: "3".to_owned(),
        base: PathBuf::from("/usr"),
        tool: "uv".to_owned(),
        packages: BTreeMap::new(),
        size: 1,
    };
    environment.stamp(&place.join("env-1"), &stamp).unwrap_err();
    let mut names: Vec<_> =
        std::fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [CURRENT, "env-1"]);
}
