use super::*;

fn folder_with(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("settings.toml");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

fn own_profile() -> ModelProfile {
    ModelProfile {
        id: "own".into(),
        name: "Own".into(),
        provider: ProviderKind::OpenAi,
        base_url: "http://127.0.0.1:9/v1".into(),
        model: "m".into(),
        vision: true,
        max_tokens: Some(100),
        prices: None,
    }
}

#[test]
fn a_missing_file_has_all_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let file = SettingsFile::read(&folder.path().join("none.toml"));
    assert_eq!((file.settings(), file.problem()), (&Settings::default(), None));
}

#[test]
fn what_the_file_does_not_name_has_its_default() {
    let (_folder, path) = folder_with("stallSeconds = 9\n[limits]\nmaxSteps = 3\n");
    let file = SettingsFile::read(&path);
    assert_eq!(file.problem(), None);
    let mut expected = Settings { stall_seconds: 9, ..Settings::default() };
    expected.limits.max_steps = 3;
    assert_eq!(file.settings(), &expected);
}

#[test]
fn errors_name_file_line_and_field() {
    for (text, line, field) in [
        ("a = = 1\n", 1, ""),
        ("\n[limits]\nmaxSteps = \"many\"\n", 3, "limits.maxSteps"),
        ("[limits]\nmaxStep = 1\n", 2, "limits.maxStep"),
        ("[limits]\nmaxSteps = 0\n", 2, "limits.maxSteps"),
        (
            "[[profiles]]\nid = \"x\"\nprovider = \"openAi\"\nbaseUrl = \"ftp://x\"\nmodel = \"m\"\n",
            4,
            "profiles[0].baseUrl",
        ),
        ("[[profiles]]\nid = \"x\"\nprovider = \"nobody\"\nmodel = \"m\"\n", 3, "profiles[0].provider"),
        ("[history]\ntrashDays = 0\n", 2, "history.trashDays"),
        ("[history]\nmaxFileBytes = \"much\"\n", 2, "history.maxFileBytes"),
        ("defaultProfile = \"nobody\"\n", 1, "defaultProfile"),
    ] {
        let (_folder, path) = folder_with(text);
        let file = SettingsFile::read(&path);
        let message = &file.problem().unwrap_or_else(|| panic!("no problem in {text:?}")).message;
        let named = format!("{}, line {line}", path.display());
        assert!(message.starts_with(&named), "{message} does not begin with {named}");
        assert!(message.contains(field), "{message} does not name {field}");
        assert_eq!(file.settings(), &Settings::default());
    }
}

#[test]
fn saving_keeps_comments_and_changes_only_what_differs() {
    let (_folder, path) = folder_with("# mine\nstallSeconds = 9 # short\n\n[limits]\n# few\nmaxSteps = 3\n");
    let mut file = SettingsFile::read(&path);
    let mut settings = file.settings().clone();
    settings.limits.max_steps = 4;
    settings.profiles.push(own_profile());
    settings.default_profile = "own".into();
    file.save(settings.clone()).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    for kept in ["# mine", "stallSeconds = 9 # short", "# few", "maxSteps = 4"] {
        assert!(text.contains(kept), "{kept} is missing in\n{text}");
    }
    let again = SettingsFile::read(&path);
    assert_eq!((again.settings(), again.problem()), (&settings, None));
}

#[test]
fn a_file_that_could_not_be_read_is_kept_when_saving() {
    let (folder, path) = folder_with("not toml at all = =");
    let mut file = SettingsFile::read(&path);
    file.save(Settings { first_run_done: true, ..Settings::default() }).unwrap();
    let kept = std::fs::read_to_string(folder.path().join("settings.unreadable-1.toml")).unwrap();
    assert_eq!(kept, "not toml at all = =");
    assert!(SettingsFile::read(&path).settings().first_run_done);
}

#[test]
fn two_programs_that_save_at_once_lose_nothing() {
    let (_folder, path) = folder_with("# mine\n");
    let writers: Vec<_> = (1..=8)
        .map(|number| {
            let path = path.clone();
            std::thread::spawn(move || {
                let mut file = SettingsFile::read(&path);
                let mut settings = file.settings().clone();
                match number % 4 {
                    0 => settings.limits.max_steps = 7,
                    1 => settings.limits.max_minutes = 8,
                    2 => settings.stall_seconds = 9,
                    _ => settings.first_run_done = true,
                }
                file.save(settings).unwrap();
            })
        })
        .collect();
    for writer in writers {
        writer.join().unwrap();
    }
    let file = SettingsFile::read(&path);
    let settings = file.settings();
    assert_eq!((settings.limits.max_steps, settings.limits.max_minutes), (7, 8));
    assert_eq!((settings.stall_seconds, settings.first_run_done), (9, true));
    assert!(std::fs::read_to_string(&path).unwrap().contains("# mine"));
}

#[test]
fn the_profile_of_the_environment_is_in_force_and_never_written() {
    let (_folder, path) = folder_with("");
    let mut file = SettingsFile::read(&path);
    let environment = ModelProfile { id: ENVIRONMENT_PROFILE.into(), ..own_profile() };
    let effective = file.effective(Some(&environment));
    assert_eq!(effective.default_profile, ENVIRONMENT_PROFILE);
    file.save(effective).unwrap();
    assert!(!std::fs::read_to_string(&path).unwrap().contains(ENVIRONMENT_PROFILE));
    assert_eq!(SettingsFile::read(&path).settings(), &Settings::default());
}
