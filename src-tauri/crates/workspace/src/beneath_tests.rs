use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;

use super::*;

fn read(result: rustix::io::Result<OwnedFd>) -> Result<String, Errno> {
    let mut text = String::new();
    fs::File::from(result?).read_to_string(&mut text).unwrap();
    Ok(text)
}

/// Both ways, the kernel's and our own, have to answer the same.
#[test]
fn links_are_followed_inside_and_refused_outside() {
    let place = tempfile::tempdir().unwrap();
    let place = fs::canonicalize(place.path()).unwrap();
    let root = place.join("root");
    fs::create_dir_all(root.join("a/b")).unwrap();
    fs::write(root.join("a/file"), "inside").unwrap();
    fs::write(place.join("secret"), "outside").unwrap();
    symlink("a/file", root.join("to-file")).unwrap();
    symlink("../file", root.join("a/b/up")).unwrap();
    symlink("../../secret", root.join("a/escape")).unwrap();
    symlink(place.join("secret"), root.join("absolute-escape")).unwrap();
    symlink("..", root.join("parent")).unwrap();
    symlink("/", root.join("slash")).unwrap();
    symlink("loop", root.join("loop")).unwrap();
    symlink(root.join("a"), root.join("absolute-inside")).unwrap();
    symlink("/mnt/okcomputer/a/file", root.join("mounted")).unwrap();
    symlink("a", root.join("to-folder")).unwrap();

    let folder = RootFolder::open(root).unwrap();
    let expected: [(&str, Result<&str, Errno>); 13] = [
        ("a/file", Ok("inside")),
        ("to-file", Ok("inside")),
        ("a/b/up", Ok("inside")),
        ("to-folder/b/../file", Ok("inside")),
        ("absolute-inside/file", Ok("inside")),
        ("mounted", Ok("inside")),
        ("a/escape", Err(Errno::XDEV)),
        ("absolute-escape", Err(Errno::XDEV)),
        ("parent/secret", Err(Errno::XDEV)),
        ("slash/etc/hostname", Err(Errno::XDEV)),
        ("../secret", Err(Errno::XDEV)),
        ("loop", Err(Errno::LOOP)),
        ("a/missing", Err(Errno::NOENT)),
    ];
    for (path, answer) in expected {
        let answer = answer.map(str::to_owned);
        let path = Path::new(path);
        assert_eq!(read(folder.open_beneath(path, OFlags::RDONLY, Mode::empty())), answer, "open {path:?}");
        assert_eq!(read(folder.walk(path, OFlags::RDONLY, Mode::empty())), answer, "walk {path:?}");
    }
}

#[test]
fn folders_are_made_only_beneath() {
    let place = tempfile::tempdir().unwrap();
    let place = fs::canonicalize(place.path()).unwrap();
    let root = place.join("root");
    fs::create_dir_all(root.join("real")).unwrap();
    fs::create_dir(place.join("outside")).unwrap();
    symlink("real", root.join("inner")).unwrap();
    symlink("../outside", root.join("outer")).unwrap();
    symlink("nowhere", root.join("dangling")).unwrap();
    let folder = RootFolder::open(root.clone()).unwrap();
    folder.folder_created(Path::new("x/y/z")).unwrap();
    folder.folder_created(Path::new("inner/deep/er")).unwrap();
    assert!(root.join("x/y/z").is_dir() && root.join("real/deep/er").is_dir());
    assert_eq!(folder.folder_created(Path::new("outer/new")).unwrap_err(), Errno::XDEV);
    assert_eq!(folder.folder_created(Path::new("dangling/new")).unwrap_err(), Errno::NOENT);
    assert_eq!(fs::read_dir(place.join("outside")).unwrap().count(), 0);
}
