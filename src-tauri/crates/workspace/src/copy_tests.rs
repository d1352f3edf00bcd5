use std::os::unix::fs::symlink;

use super::*;

#[test]
fn a_site_is_copied_and_what_is_left_out_is_named() {
    let place = tempfile::tempdir().unwrap();
    let workspace = Workspace::create(&place.path().join("workspace")).unwrap();
    let site = workspace.root().join("site");
    fs::create_dir_all(site.join("assets/empty")).unwrap();
    fs::create_dir_all(site.join(".git/objects")).unwrap();
    fs::create_dir(workspace.root().join("shared")).unwrap();
    fs::write(workspace.root().join("shared/logo.svg"), "<svg/>").unwrap();
    fs::write(site.join("index.html"), "hello").unwrap();
    fs::write(site.join("assets/style.css"), "body{}").unwrap();
    fs::write(site.join(".git/config"), "secret").unwrap();
    fs::write(place.path().join("private"), "private").unwrap();
    symlink("../shared/logo.svg", site.join("logo.svg")).unwrap();
    symlink("../shared", site.join("shared")).unwrap();
    symlink("../../private", site.join("private")).unwrap();
    symlink("nowhere", site.join("dangling")).unwrap();
    symlink("..", site.join("assets/cycle")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, site.join("pipe"), Mode::from_raw_mode(0o600)).unwrap();

    let destination = place.path().join("deployments/1");
    let copied = workspace.copy_out(&WorkspacePath::parse("site").unwrap(), &destination).unwrap();
    let skipped: Vec<_> =
        copied.skipped.iter().map(|skipped| (skipped.path.as_str(), skipped.reason.as_str())).collect();
    assert_eq!(
        skipped,
        [
            ("site/.git", "the data of a git repository"),
            ("site/assets/cycle", "a symbolic link to a folder that contains it"),
            ("site/dangling", "a symbolic link to something that does not exist"),
            ("site/pipe", "a pipe, socket or device"),
            ("site/private", "a symbolic link that leads out of the workspace"),
        ]
    );
    assert_eq!((copied.files, copied.size), (4, 5 + 6 + 6 + 6));
    assert_eq!(fs::read(destination.join("index.html")).unwrap(), b"hello");
    assert_eq!(fs::read(destination.join("assets/style.css")).unwrap(), b"body{}");
    for copy in ["logo.svg", "shared/logo.svg"] {
        assert!(!destination.join(copy).is_symlink());
        assert_eq!(fs::read(destination.join(copy)).unwrap(), b"<svg/>");
    }
    assert!(destination.join("assets/empty").is_dir());
    assert!(!destination.join("private").exists() && !destination.join(".git").exists());
}

#[test]
fn a_copy_into_the_workspace_and_of_nothing_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let workspace = Workspace::create(&place.path().join("workspace")).unwrap();
    fs::create_dir(workspace.root().join("site")).unwrap();
    let site = WorkspacePath::parse("site").unwrap();
    let inside = workspace.copy_out(&site, &workspace.root().join("copy"));
    assert!(matches!(inside, Err(WorkspaceError::CopyIntoItself { .. })));
    assert!(!workspace.root().join("copy").exists());
    let missing = workspace.copy_out(&WorkspacePath::parse("missing").unwrap(), &place.path().join("out"));
    assert!(matches!(missing, Err(WorkspaceError::NotFound { .. })));
}
