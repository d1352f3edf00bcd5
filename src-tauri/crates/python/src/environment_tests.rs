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
