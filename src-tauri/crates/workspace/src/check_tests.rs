use super::*;

fn reason(path: &Path, home: Option<&Path>) -> String {
    reason_beside(path, home, None)
}

fn reason_beside(path: &Path, home: Option<&Path>, own: Option<&Path>) -> String {
    match check_folder(path, home, own) {
        Ok(()) => "allowed".to_owned(),
        Err(WorkspaceError::FolderRefused { reason, .. }) => reason,
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn dangerous_folders_are_refused_with_the_reason() {
    let place = tempfile::tempdir().unwrap();
    let place = std::fs::canonicalize(place.path()).unwrap();
    let home = place.join("users/person");
    let project = home.join("project");
    std::fs::create_dir_all(&project).unwrap();
    std::fs::write(home.join("file"), "").unwrap();
    let link = place.join("link-home");
    std::os::unix::fs::symlink(&home, &link).unwrap();

    assert_eq!(reason(&project, Some(&home)), "allowed");
    assert_eq!(reason(Path::new("/"), Some(&home)), "it is the root of the file system");
    assert_eq!(reason(Path::new("/etc"), None), "it belongs to the operating system");
    assert_eq!(
        reason(Path::new("/usr/share"), None),
        "it lies in /usr, which the commands of every session can read"
    );
    assert_eq!(reason(&home, Some(&home)), "it is your home folder, and every turn would record all of it");
    assert_eq!(reason(&link, Some(&home)), "it is your home folder, and every turn would record all of it");
    assert_eq!(reason(&place.join("users"), Some(&home)), "it contains your home folder");
    assert_eq!(reason(&home.join("file"), Some(&home)), "it is not a folder");
    assert_eq!(reason(&place.join("missing"), Some(&home)), "it does not exist");
    assert_eq!(reason(Path::new("relative"), Some(&home)), "it is not an absolute path");
}

#[test]
fn the_data_of_the_app_is_no_workspace() {
    let place = tempfile::tempdir().unwrap();
    let place = std::fs::canonicalize(place.path()).unwrap();
    let home = place.join("person");
    let own = home.join("share/app");
    let link = place.join("link");
    std::fs::create_dir_all(home.join("share/apple")).unwrap();
    std::os::unix::fs::symlink(&own, &link).unwrap();
    let check = |path: &Path, own: &Path| reason_beside(path, Some(&home), Some(own));
    let above = "it contains the app's own data (sessions, their history and settings)";
    let inside = "it belongs to the app's own data (sessions, their history and settings)";

    // A folder that does not exist yet will lie there all the same.
    assert_eq!(check(&home.join("share"), &own), above);
    assert_eq!(check(&home.join("share"), &home.join("share/./missing/../app")), above);
    assert_eq!(check(&home.join("share/apple"), &own), "allowed");

    std::fs::create_dir_all(own.join("sessions/1/workspace")).unwrap();
    assert_eq!(check(&home.join("share"), &own), above);
    assert_eq!(check(&home.join("share"), &link), above);
    assert_eq!(check(&own, &own), inside);
    assert_eq!(check(&link, &own), inside);
    assert_eq!(check(&own.join("sessions/1/workspace"), &own), inside);
    assert_eq!(check(&link.join("sessions"), &own), inside);
    assert_eq!(check(&own.join("sessions"), &link), inside);
    assert_eq!(check(&home.join("share/apple"), &own), "allowed");
    assert_eq!(reason(&own, Some(&home)), "allowed");
}

#[test]
fn mount_points_are_read_with_their_escapes() {
    let table = b"36 35 98:0 /mnt1 /mnt/my\\040disk rw,noatime master:1 - ext3 /dev/root rw\n\
        37 35 98:1 / /media/back\\134slash rw - ext4 /dev/sdb rw\n";
    let points: Vec<PathBuf> = mount_points(table).collect();
    assert_eq!(points, [Path::new("/mnt/my disk"), Path::new("/media/back\\slash")]);
}

/// Every machine that has the table has something mounted besides the root.
#[cfg(target_os = "linux")]
#[test]
fn a_real_mount_point_is_refused() {
    let table = std::fs::read("/proc/self/mountinfo").unwrap();
    let point = mount_points(&table)
        .find(|point| {
            point.is_dir()
                && point.parent().is_some()
                && std::fs::canonicalize(point).is_ok_and(|real| real == *point)
                && !SYSTEM_FOLDERS.iter().any(|system| point == Path::new(system))
        })
        .expect("a mount point below the root, such as /dev/pts");
    assert_eq!(reason(&point, None), "it is a mount point (the top of a disk or of a network drive)");
}
