use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};

use okcvm_protocol::{Attachment, ClashPolicy, ImportReport, ImportSkip};
use tokio_util::sync::CancellationToken;

use super::*;

struct Place {
    folder: tempfile::TempDir,
    outside: PathBuf,
    workspace: Workspace,
    limits: ImportLimits,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let outside = fs::canonicalize(folder.path()).unwrap().join("outside");
    fs::create_dir(&outside).unwrap();
    let workspace = Workspace::create(&folder.path().join("workspace")).unwrap();
    let limits = ImportLimits { max_file_bytes: 10_000_000, max_total_bytes: 20_000_000, max_files: 1_000 };
    Place { folder, outside, workspace, limits }
}

impl Place {
    fn write(&self, path: &str, content: &str) -> PathBuf {
        let path = self.outside.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    fn inside(&self, path: &str) -> String {
        fs::read_to_string(self.workspace.root().join(path)).unwrap()
    }

    fn plan(&self, sources: &[PathBuf], target: &str) -> ImportPlan {
        self.plan_with(sources, target, &CancellationToken::new(), &mut |_| ()).unwrap()
    }

    fn plan_with(
        &self,
        sources: &[PathBuf],
        target: &str,
        cancel: &CancellationToken,
        progress: &mut dyn FnMut(ImportCount),
    ) -> Result<ImportPlan, WorkspaceError> {
        let target = WorkspacePath::parse(target).unwrap();
        plan_import(&self.workspace, sources, &target, &self.limits, cancel, progress)
    }

    fn run(&self, sources: &[PathBuf], target: &str, policy: ClashPolicy) -> ImportReport {
        self.run_with(sources, target, policy, &CancellationToken::new(), &mut |_| ()).unwrap()
    }

    fn run_with(
        &self,
        sources: &[PathBuf],
        target: &str,
        policy: ClashPolicy,
        cancel: &CancellationToken,
        progress: &mut dyn FnMut(ImportCount),
    ) -> Result<ImportReport, WorkspaceError> {
        let target = WorkspacePath::parse(target).unwrap();
        run_import(&self.workspace, sources, &target, policy, &self.limits, cancel, progress)
    }

    /// All paths in the workspace.
    fn tree(&self) -> Vec<String> {
        let mut paths = Vec::new();
        let mut ahead = vec![WorkspacePath::root()];
        while let Some(folder) = ahead.pop() {
            for entry in fs::read_dir(self.workspace.absolute(&folder)).unwrap() {
                let entry = entry.unwrap();
                let path = folder.join(&crate::encode_name(&entry.file_name())).unwrap();
                if entry.file_type().unwrap().is_dir() {
                    ahead.push(path.clone());
                }
                paths.push(path.as_str().to_owned());
            }
        }
        paths.sort();
        paths
    }
}

fn imported(report: &ImportReport) -> Vec<&str> {
    report.imported.iter().map(|attachment| attachment.path.as_str()).collect()
}

#[test]
fn a_folder_comes_with_all_that_can_come() {
    let place = place();
    let folder = place.outside.join("data");
    place.write("data/sub/числа.csv", "1,2,3");
    place.write("data/run.sh", "#!/bin/sh");
    fs::set_permissions(folder.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(folder.join("empty")).unwrap();
    fs::write(folder.join(OsStr::from_bytes(b"caf\xE9.txt")), "bytes").unwrap();
    symlink("run.sh", folder.join("link")).unwrap();
    symlink("/etc", folder.join("system")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, folder.join("pipe"), rustix::fs::Mode::from_raw_mode(0o600))
        .unwrap();
    let missing = place.outside.join("missing");

    let sources = [folder.clone(), missing.clone()];
    let plan = place.plan(&sources, "in/here");
    assert_eq!((plan.files, plan.bytes, plan.clashes.len()), (3, 19, 0));
    let skip = |path: PathBuf, reason: &str| ImportSkip {
        source: path.to_str().unwrap().to_owned(),
        reason: reason.to_owned(),
    };
    let skipped = vec![
        skip(folder.join("link"), "symbolic links are not copied"),
        skip(folder.join("pipe"), "a pipe, socket or device"),
        skip(folder.join("system"), "symbolic links are not copied"),
        skip(missing, "it could not be read (No such file or directory (os error 2))"),
    ];
    assert_eq!(plan.skipped, skipped);
    assert_eq!(place.tree(), Vec::<String>::new(), "a plan writes nothing");

    let mut counts = Vec::new();
    let report = place
        .run_with(&sources, "in/here", ClashPolicy::Skip, &CancellationToken::new(), &mut |count| {
            counts.push(count);
        })
        .unwrap();
    assert_eq!(report.skipped, skipped);
    assert!(!report.cancelled);
    let attachment =
        |path: &str, size, mime: &str| Attachment { path: path.to_owned(), size, mime: mime.to_owned() };
    assert_eq!(
        report.imported,
        [
            attachment("in/here/data/caf\u{FFFD}E9.txt", 5, "text/plain"),
            attachment("in/here/data/run.sh", 9, "application/x-sh"),
            attachment("in/here/data/sub/числа.csv", 5, "text/csv"),
        ]
    );
    assert_eq!(
        place.tree(),
        [
            "in",
            "in/here",
            "in/here/data",
            "in/here/data/caf\u{FFFD}E9.txt",
            "in/here/data/empty",
            "in/here/data/run.sh",
            "in/here/data/sub",
            "in/here/data/sub/числа.csv",
        ]
    );
    let mode = |path: &str| fs::metadata(place.workspace.root().join(path)).unwrap().permissions().mode();
    assert_ne!(mode("in/here/data/run.sh") & 0o111, 0);
    assert_eq!(mode("in/here/data/sub/числа.csv") & 0o111, 0);
    let last = counts.last().unwrap();
    assert_eq!((last.files_done, last.files, last.bytes_done, last.bytes), (3, 3, 19, 19));
    assert!(counts.windows(2).all(|pair| pair[0].bytes_done <= pair[1].bytes_done));
}

#[test]
fn each_way_with_a_name_that_is_taken() {
    let place = place();
    let new = place.write("report.txt", "new");
    let same = place.write("same.txt", "same");
    let onto_folder = place.write("folder", "a file");
    let sources = [new.clone(), same.clone(), onto_folder.clone()];
    let reset = || {
        fs::remove_dir_all(place.workspace.root()).ok();
        fs::create_dir_all(place.workspace.root().join("folder/kept")).unwrap();
        fs::write(place.workspace.root().join("report.txt"), "old").unwrap();
        fs::write(place.workspace.root().join("same.txt"), "same").unwrap();
        Place { workspace: Workspace::open(place.workspace.root()).unwrap(), ..self::place() }
    };
    let clash = |source: &PathBuf, target: &str, identical| ImportClash {
        source: source.to_str().unwrap().to_owned(),
        target: target.to_owned(),
        identical,
    };

    let fresh = reset();
    assert_eq!(
        fresh.plan(&sources, "").clashes,
        [
            clash(&new, "report.txt", false),
            clash(&same, "same.txt", true),
            clash(&onto_folder, "folder", false)
        ]
    );
    let report = fresh.run(&sources, "", ClashPolicy::KeepBoth);
    assert_eq!(imported(&report), ["report (2).txt", "same.txt", "folder (2)"]);
    assert_eq!((fresh.inside("report.txt"), fresh.inside("report (2).txt")), ("old".into(), "new".into()));
    let report = fresh.run(&sources[..1], "", ClashPolicy::KeepBoth);
    assert_eq!(imported(&report), ["report (3).txt"]);

    let fresh = reset();
    let report = fresh.run(&sources, "", ClashPolicy::Replace);
    assert_eq!(imported(&report), ["report.txt", "same.txt"]);
    assert_eq!(report.skipped[0].source, onto_folder.to_str().unwrap());
    assert_eq!(fresh.inside("report.txt"), "new");
    assert!(fresh.workspace.root().join("folder/kept").is_dir());

    let fresh = reset();
    let report = fresh.run(&sources, "", ClashPolicy::Skip);
    assert_eq!(imported(&report), ["same.txt"]);
    assert_eq!(report.skipped.len(), 2);
    assert_eq!(fresh.inside("report.txt"), "old");
}

#[test]
fn a_dropped_folder_merges_or_gets_a_number_as_a_whole() {
    let place = place();
    place.write("site/index.html", "new");
    place.write("site/added.css", "css");
    let site = place.outside.join("site");
    fs::create_dir(place.workspace.root().join("site")).unwrap();
    fs::write(place.workspace.root().join("site/kept"), "kept").unwrap();
    let report = place.run(std::slice::from_ref(&site), "", ClashPolicy::KeepBoth);
    assert_eq!(imported(&report), ["site/added.css", "site/index.html"]);
    fs::write(place.workspace.root().join("site/index.html"), "edited").unwrap();
    let report = place.run(std::slice::from_ref(&site), "", ClashPolicy::KeepBoth);
    assert_eq!(imported(&report), ["site (2)/added.css", "site (2)/index.html"]);
    assert_eq!(place.inside("site/index.html"), "edited");
    let report = place.run(&[site], "", ClashPolicy::Replace);
    assert_eq!(imported(&report), ["site/added.css", "site/index.html"]);
    assert_eq!((place.inside("site/index.html"), place.inside("site/kept")), ("new".into(), "kept".into()));
}

#[test]
fn a_folder_onto_a_file_is_named() {
    let place = place();
    place.write("thing/file", "x");
    fs::write(place.workspace.root().join("thing"), "a file").unwrap();
    let source = [place.outside.join("thing")];
    assert_eq!(place.plan(&source, "").clashes.len(), 1);
    for policy in [ClashPolicy::Replace, ClashPolicy::Skip] {
        let report = place.run(&source, "", policy);
        assert_eq!((report.imported.len(), report.skipped.len()), (0, 1), "{policy:?}");
    }
    assert_eq!(imported(&place.run(&source, "", ClashPolicy::KeepBoth)), ["thing (2)/file"]);
    assert_eq!(place.inside("thing"), "a file");
}

#[test]
fn two_sources_of_one_name_clash() {
    let place = place();
    let sources = [place.write("a/data.csv", "first"), place.write("b/data.csv", "second")];
    assert_eq!(place.plan(&sources, "").clashes.len(), 1);
    assert_eq!(imported(&place.run(&sources, "", ClashPolicy::KeepBoth)), ["data.csv", "data (2).csv"]);
    assert_eq!(place.inside("data (2).csv"), "second");
}

#[test]
fn limits_bite_and_say_so() {
    let mut place = place();
    place.limits = ImportLimits { max_file_bytes: 100, max_total_bytes: 150, max_files: 3 };
    let sources = [
        place.write("large", &"x".repeat(101)),
        place.write("one", &"x".repeat(90)),
        place.write("two", &"x".repeat(80)),
        place.write("three", "x"),
        place.write("four", "x"),
        place.write("five", "x"),
    ];
    let report = place.run(&sources, "", ClashPolicy::Skip);
    assert_eq!(imported(&report), ["one", "three", "four"]);
    let reasons: Vec<_> = report.skipped.iter().map(|skip| skip.reason.as_str()).collect();
    assert_eq!(
        reasons,
        [
            "it has 0.1 kB, the limit for one file is 0.1 kB",
            "the limit of 0.1 kB in one import is reached",
            "the limit of 3 files in one import is reached",
        ]
    );
}

#[test]
fn an_unreadable_file_is_named_and_the_rest_comes() {
    let place = place();
    // Opens like a file and fails to be read, for root as well.
    let unreadable = PathBuf::from("/proc/self/mem");
    let readable = place.write("file", "x");
    let report = place.run(&[unreadable, readable], "", ClashPolicy::Skip);
    assert_eq!(imported(&report), ["file"]);
    assert_eq!(report.skipped.len(), 1);
    assert!(report.skipped[0].reason.starts_with("it could not be read"), "{:?}", report.skipped);
    assert_eq!(place.tree(), ["file"]);
}

#[test]
fn a_cancelled_import_leaves_no_half_file() {
    let place = place();
    let sources = [place.write("small", "x"), place.write("large", &"x".repeat(5_000_000))];
    let cancel = CancellationToken::new();
    let report = place
        .run_with(&sources, "", ClashPolicy::Skip, &cancel, &mut |count| {
            if count.bytes_done > 1_000_000 {
                cancel.cancel();
            }
        })
        .unwrap();
    assert!(report.cancelled);
    assert_eq!(imported(&report), ["small"]);
    assert_eq!(place.tree(), ["small"]);
}

#[test]
fn a_plan_says_how_far_it_is_and_can_be_called_off() {
    let place = place();
    for number in 0..20 {
        place.write(&format!("many/{number:02}"), "content");
    }
    let sources = [place.outside.join("many")];
    let mut counts = Vec::new();
    let plan = place.plan_with(&sources, "", &CancellationToken::new(), &mut |count| counts.push(count));
    assert_eq!(plan.unwrap().files, 20);
    let counted: Vec<_> = counts.iter().filter(|count| count.files_done == 0).collect();
    assert_eq!(counted.iter().map(|count| count.files).collect::<Vec<_>>(), (1..=20).collect::<Vec<_>>());
    assert_eq!(counted[4].bytes, 5 * 7);
    assert_eq!(counts.last().unwrap().files_done, 20);

    // While files are counted, and while they are compared.
    for (stage, calls) in [("counting", 5), ("comparing", 25)] {
        let (cancel, mut called) = (CancellationToken::new(), 0);
        let plan = place.plan_with(&sources, "", &cancel, &mut |_| {
            called += 1;
            if called == calls {
                cancel.cancel();
            }
        });
        assert!(matches!(plan, Err(WorkspaceError::CalledOff)), "{stage}: {plan:?}");
        assert!(called <= calls + 1, "{stage}: it went on for {called} files");
    }

    let cancel = CancellationToken::new();
    cancel.cancel();
    for policy in [ClashPolicy::Skip, ClashPolicy::Replace, ClashPolicy::KeepBoth] {
        let report = place.run_with(&sources, "", policy, &cancel, &mut |_| ()).unwrap();
        assert!(report.cancelled && report.imported.is_empty());
    }
    assert_eq!(place.tree(), Vec::<String>::new());
}

#[test]
fn the_workspace_is_not_copied_into_itself() {
    let place = place();
    let root = place.workspace.root();
    fs::create_dir_all(root.join("folder/deep")).unwrap();
    fs::write(root.join("folder/file"), "content").unwrap();
    let refused = |source: &Path, to: &str| {
        let error =
            place.plan_with(&[source.to_path_buf()], to, &CancellationToken::new(), &mut |_| ()).unwrap_err();
        assert!(matches!(error, WorkspaceError::ContainsTarget { .. }), "{error:?}");
        let run = place.run_with(
            &[source.to_path_buf()],
            to,
            ClashPolicy::Replace,
            &CancellationToken::new(),
            &mut |_| (),
        );
        assert!(run.is_err());
    };
    refused(place.folder.path(), "");
    refused(root, "");
    refused(Path::new("/"), "");
    refused(&root.join("folder"), "folder/deep");
    let before = place.tree();
    for onto_itself in ["folder/file", "folder"] {
        let to = if onto_itself == "folder" { "" } else { "folder" };
        let plan = place.plan(&[root.join(onto_itself)], to);
        assert_eq!((plan.files, plan.clashes.len(), plan.skipped.len()), (0, 0, 0));
        for policy in [ClashPolicy::Replace, ClashPolicy::KeepBoth] {
            let report = place.run(&[root.join(onto_itself)], to, policy);
            assert_eq!((report.imported.len(), report.skipped.len()), (0, 0));
        }
    }
    // By another name for the same file, too.
    fs::hard_link(root.join("folder/file"), place.outside.join("file")).unwrap();
    place.run(&[place.outside.join("file")], "folder", ClashPolicy::KeepBoth);
    assert_eq!(place.tree(), before);
    assert_eq!(place.inside("folder/file"), "content");
}

/// `/dev/full` answers every write as a full disk does.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_the_copy_with_its_reason() {
    let mut full = File::options().write(true).open("/dev/full").unwrap();
    let stopped = run::pump(&mut &b"content"[..], &mut full, &CancellationToken::new(), &mut |_| ());
    let Err(run::Stopped::Unwritable(error)) = stopped else { panic!("a full device took the bytes") };
    let error = WorkspaceError::from_io(error, "written", "data/file");
    assert!(matches!(&error, WorkspaceError::DiskFull { path } if path == "data/file"), "{error:?}");
}

/// A real small file system, where this machine lets the test make one.
#[cfg(target_os = "linux")]
#[test]
fn a_small_disk_is_named_as_full_and_left_clean() {
    let place = place();
    let mounted = place.folder.path().join("small");
    fs::create_dir(&mounted).unwrap();
    let status = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
        .arg(&mounted)
        .output();
    if !status.is_ok_and(|output| output.status.success()) {
        // Only root may; the test above shows the same without a disk of its own.
        return;
    }
    let source = place.write("large", &"x".repeat(3_000_000));
    let result = Workspace::open(&mounted).map(|small| {
        let run = run_import(
            &small,
            &[source],
            &WorkspacePath::root(),
            ClashPolicy::Skip,
            &place.limits,
            &CancellationToken::new(),
            &mut |_| (),
        );
        // Without the count beforehand, the copy itself has to fail and clean up.
        let written = small.write_atomic(&WorkspacePath::parse("direct").unwrap(), &vec![b'x'; 3_000_000]);
        (run, written)
    });
    let left = fs::read_dir(&mounted).unwrap().count();
    let unmounted = std::process::Command::new("umount").arg(&mounted).status().unwrap();
    assert!(unmounted.success());
    let (run, written) = result.unwrap();
    assert!(matches!(run, Err(WorkspaceError::DiskFull { .. })), "{run:?}");
    assert!(matches!(written, Err(WorkspaceError::DiskFull { .. })), "{written:?}");
    assert_eq!(left, 0);
}
