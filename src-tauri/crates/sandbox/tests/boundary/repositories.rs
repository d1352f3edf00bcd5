//! Repositories that are there when a command starts: what git would run outside of the sandbox stays as it is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use okcvm_protocol::CheckStatus;
use okcvm_sandbox::{Outcome, Tier};

use crate::trial::{Trial, eventually, exists, runtime};

pub(crate) const COMMIT: &str = "git -c user.name=a -c user.email=a@localhost commit -q";

/// Git outside of the sandbox, as the user would call it, without the user's own settings.
pub(crate) fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=u", "-c", "user.email=u@localhost", "-c", "protocol.file.allow=always"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .expect("git");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn repository(folder: &Path) {
    std::fs::create_dir_all(folder).expect("folder");
    git(folder, &["init", "-q", "-b", "main"]);
    std::fs::write(folder.join("file"), "first\n").expect("file");
    git(folder, &["add", "."]);
    git(folder, &["commit", "-qm", "first"]);
}

/// Everything that git takes orders from, with its content.
pub(crate) fn orders(git_folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![git_folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type().expect("kind").is_dir() {
                open.push(path);
            } else if folder.ends_with("hooks")
                || ["config", "config.worktree", "commondir"].contains(&name.as_str())
            {
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                found.insert(path, text);
            }
        }
    }
    found
}

/// Ways to plant something that git runs, for a folder that holds a repository.
const PLANTS: [&str; 21] = [
    "echo evil > .git/hooks/pre-commit",
    "echo evil >> .git/hooks/pre-push.sample",
    "chmod +x .git/hooks/pre-push.sample",
    "ln -s ../../file .git/hooks/post-checkout",
    "git config core.fsmonitor /tmp/x",
    "git config core.hooksPath evil",
    "echo '[core] fsmonitor = /tmp/x' >> .git/config",
    "printf x > x && mv -f x .git/config",
    "rm -f .git/config",
    "mv .git/config .git/config.old",
    "ln .git/config alias",
    "rm -rf .git/hooks",
    "mv .git/hooks .git/hooks.old",
    "mkdir evil && mv -T --exchange evil .git/hooks",
    "mv .git .git.old",
    "mv .git/ elsewhere",
    "python3 -c 'import os; os.rename(\".git\", \"moved\")'",
    "python3 -c 'import os; os.rename(\".git/hooks\", \".git/h\")'",
    "python3 -c 'import os; os.truncate(\".git/config\", 0)'",
    "python3 -c 'import os; os.chmod(\".git/config\", 0o666)'",
    "mount -o remount,rw .git/hooks || umount .git/hooks",
];

#[test]
fn what_git_runs_cannot_be_planted() {
    let Some(trial) = Trial::new(Tier::Full) else { return };
    for name in [".", "nested/deeper/project"] {
        let folder = trial.workspace.join(name);
        repository(&folder);
        let before = orders(&folder.join(".git"));
        assert!(before.len() > 2, "{before:?}");
        for plant in PLANTS {
            trial.refused(&format!("cd {name} && {{ {plant}; }}"));
            assert!(orders(&folder.join(".git")) == before, "{plant}");
        }
        assert_eq!(git(&folder, &["rev-list", "--count", "HEAD"]), "1\n");
    }
    // The folders that lead to a repository stay, so that no other takes its place.
    for plant in ["mv nested other", "mv nested/deeper other", "cd nested/deeper && mv project other"] {
        trial.refused(plant);
        assert!(exists(trial.workspace.join("nested/deeper/project/.git/config")), "{plant}");
    }
}

#[test]
fn work_in_an_existing_repository_goes_on() {
    let Some(trial) = Trial::new(Tier::Full) else { return };
    for name in [".", "nested/project"] {
        let folder = trial.workspace.join(name);
        repository(&folder);
        let output = trial.output(&format!(
            "cd {name} && echo second >> file && git status --short file && git add file && {COMMIT} -m second && \
             git checkout -q -b side && git mv file renamed && {COMMIT} -m third && git tag mark && \
             echo x > renamed && git stash -q && git stash drop -q && git checkout -q main && \
             git -c user.name=a -c user.email=a@localhost merge -q side && git reset -q --hard HEAD && \
             git branch -d side 2>&1 && git gc -q && git log --oneline | wc -l && git fsck 2>&1 && cat .git/config > /dev/null"
        ));
        assert!(output.starts_with(" M file\n"), "{output}");
        assert!(output.contains("\n3\n"), "{output}");
        assert_eq!(git(&folder, &["rev-list", "--count", "main"]), "3\n");
        assert_eq!(git(&folder, &["rev-list", "--count", "mark"]), "3\n");
    }
    // Files between a repository and the rest.
    trial.output("mv nested/project/renamed here && cp here nested/project/renamed && mv here nested/");
}

#[test]
fn a_new_repository_works() {
    for trial in Trial::each() {
        let output = trial.output(
            "git init -q new && cd new && git config user.name a && git config user.email a@localhost && \
             echo x > file && git add . && git commit -qm first && git log --oneline | wc -l",
        );
        assert_eq!(output, "1\n", "{:?}", trial.tier);
        let output =
            trial.output("cd new && echo y > file && git commit -qam second && git log --oneline | wc -l");
        assert_eq!(output, "2\n", "{:?}", trial.tier);
    }
}

#[test]
fn what_is_missing_is_not_made() {
    let Some(trial) = Trial::new(Tier::Full) else { return };
    let folder = trial.workspace.join("project");
    repository(&folder);
    std::fs::remove_dir_all(folder.join(".git/hooks")).expect("hooks");
    git(&folder, &["config", "extensions.worktreeConfig", "true"]);
    let before = orders(&folder.join(".git"));
    for plant in [
        "mkdir .git/hooks",
        "mkdir -p .git/hooks && echo evil > .git/hooks/pre-commit",
        "echo evil > .git/config.worktree",
        "git config --worktree core.fsmonitor /tmp/x",
        "mv .git/hooks x",
    ] {
        trial.refused(&format!("cd project && {{ {plant}; }}"));
    }
    let mut after = orders(&folder.join(".git"));
    assert_eq!(after.remove(&folder.join(".git/config.worktree")).as_deref(), Some(""));
    assert!(after == before, "{:?}", after.keys());
    // A file of that name would lead git to the settings and hooks of another repository.
    git(&trial.workspace, &["init", "-q", "evil"]);
    for plant in ["echo ../../evil/.git >", "ln -sf ../x", "rm -f", "mkdir", "mv .git/config"] {
        trial.refused(&format!("cd project && {plant} .git/commondir"));
        assert!(!exists(folder.join(".git/commondir")), "{plant}");
    }
    let mut stopped = trial.command("sleep 60");
    stopped.timeout = std::time::Duration::from_secs(1);
    assert_eq!(trial.run_command(stopped).exit.outcome, Outcome::TimedOut);
    assert!(!exists(folder.join(".git/commondir")));
    assert_eq!(git(&folder, &["status", "--short"]), "");
}

#[test]
fn git_is_not_led_to_another_repository_while_a_command_runs() {
    let Some(trial) = Trial::new(Tier::Full) else { return };
    let folder = trial.workspace.join("project");
    repository(&folder);
    git(&trial.workspace, &["init", "-q", "evil"]);
    let planted = trial.workspace.join("planted");
    git(
        &trial.workspace.join("evil"),
        &["config", "core.fsmonitor", &format!("touch {}; false", planted.display())],
    );
    // Another command ends meanwhile, which must not open what the first one still needs.
    let longer = trial.command(
        "touch started; while [ ! -e go ]; do sleep 0.05; done; echo ../../evil/.git > project/.git/commondir; \
         touch tried; while [ ! -e end ]; do sleep 0.05; done",
    );
    let there = |name: &str| trial.workspace.join(name);
    std::thread::scope(|scope| {
        let running = scope.spawn(|| trial.run_command(longer));
        eventually("the start", || exists(there("started")));
        trial.output("git -C project status");
        std::fs::write(there("go"), "").expect("file");
        eventually("the attempt", || exists(there("tried")));
        assert_eq!(git(&folder, &["status", "--short"]), "");
        git(&folder, &["commit", "-q", "--allow-empty", "-m", "by the user"]);
        std::fs::write(there("end"), "").expect("file");
        assert_eq!(running.join().expect("a run").exit.outcome, Outcome::Exited(0));
    });
    assert!(!exists(&planted));
    assert!(!exists(folder.join(".git/commondir")));
}

#[test]
fn closed_folders_hide_no_repository() {
    let Some(trial) = Trial::new(Tier::Full) else { return };
    let folder = trial.workspace.join("project");
    repository(&folder);
    let before = orders(&folder.join(".git"));
    for closed in ["project", "project/.git"] {
        trial.output(&format!("chmod 0 {closed}"));
        trial.refused(&format!("chmod 755 {closed} && echo evil > project/.git/hooks/pre-commit"));
        trial.output(&format!("chmod 755 {closed}"));
        assert!(orders(&folder.join(".git")) == before);
    }
}

#[test]
fn modules_and_work_trees_are_covered() {
    let Some(trial) = Trial::new(Tier::Full) else { return };
    let library = trial.outside.with_file_name("library");
    repository(&library);
    let folder = trial.workspace.join("main");
    repository(&folder);
    git(&folder, &["submodule", "--quiet", "add", &library.to_string_lossy(), "parts/library"]);
    git(&folder, &["commit", "-qm", "with a module"]);
    git(&folder, &["worktree", "add", "-q", "../second"]);
    let separate = trial.workspace.join("separate");
    git(&trial.workspace, &["init", "-q", "--separate-git-dir=store", "separate"]);
    std::os::unix::fs::symlink("main/.git", trial.workspace.join(".git")).expect("link");

    let all = || [orders(&folder.join(".git")), orders(&trial.workspace.join("store"))];
    let before = all();
    for plant in [
        "echo evil > main/.git/modules/parts/library/hooks/pre-commit",
        "git -C main/parts/library config core.fsmonitor /tmp/x",
        "move main/.git/modules/parts x",
        "move main/.git/modules/parts/library x",
        "move main/.git/modules x",
        "rm main/parts/library/.git",
        "echo 'gitdir: /mnt/okcomputer/evil' > main/parts/library/.git",
        "move main/parts x",
        "echo /mnt/okcomputer/evil > main/.git/worktrees/second/commondir",
        "move main/.git/worktrees/second x",
        "move second x",
        "rm second/.git",
        "echo evil > store/hooks/pre-commit",
        "git --git-dir=store config core.fsmonitor /tmp/x",
        "move store x",
        "rm separate/.git",
        "move separate x",
    ] {
        // The program `mv` would copy where it cannot rename, and remove what it can of the source.
        trial.refused(&format!(
            "move() {{ python3 -c 'import os, sys; os.rename(*sys.argv[1:])' \"$@\"; }}; {plant}"
        ));
        assert!(all() == before, "{plant}");
    }
    assert_eq!(git(&separate, &["status", "--short"]), "");
    // A link is held as well, and where the kernel cannot, it is put back when the command has ended.
    trial.run("rm .git && git init -q . && git config core.fsmonitor /tmp/x");
    assert_eq!(std::fs::read_link(trial.workspace.join(".git")).expect("link"), Path::new("main/.git"));
    // Work goes on, also where the paths that git noted are those of the machine.
    trial.output(&format!("cd main && echo x > new && git add new && {COMMIT} -m next"));
    trial.output(&format!("cd main/parts/library && echo x > new && git add new && {COMMIT} -m next"));
}

#[test]
fn linked_hooks_stay() {
    let Some(trial) = Trial::new(Tier::Full) else { return };
    let folder = trial.workspace.join("project");
    repository(&folder);
    std::fs::remove_dir_all(folder.join(".git/hooks")).expect("hooks");
    std::os::unix::fs::symlink("../../my-hooks", folder.join(".git/hooks")).expect("link");
    trial.run("cd project && rm .git/hooks && mkdir .git/hooks && echo evil > .git/hooks/pre-commit");
    assert_eq!(std::fs::read_link(folder.join(".git/hooks")).expect("link"), Path::new("../../my-hooks"));
    trial.output(&format!("cd project && echo x > new && git add new && {COMMIT} -m next"));
}

#[test]
fn a_flood_of_folders_hides_no_repository_above_it() {
    let Some(trial) = Trial::new(Tier::Full) else { return };
    repository(&trial.workspace.join("zoo/project"));
    for first in 0..30 {
        for second in 0..30 {
            std::fs::create_dir_all(trial.workspace.join(format!("a/{first}/{second}/{second}")))
                .expect("folders");
        }
    }
    let started = std::time::Instant::now();
    trial.refused("echo evil > zoo/project/.git/hooks/pre-commit");
    assert!(started.elapsed() < std::time::Duration::from_secs(20), "{:?}", started.elapsed());
}

#[test]
fn a_crowd_of_git_folders_takes_the_protection_off_none() {
    let Some(trial) = Trial::new(Tier::Full) else { return };
    let folder = trial.workspace.join("vendor/sub");
    repository(&folder);
    trial.output("mkdir -p a{1..1001}/.git");
    trial.refused("echo evil > vendor/sub/.git/hooks/post-checkout");
    // Where they are more than can be held, nothing runs.
    for number in 1..=1001 {
        std::fs::write(trial.workspace.join(format!("a{number}/.git/HEAD")), "ref: refs/heads/main\n")
            .expect("file");
    }
    let (sender, _receiver) = tokio::sync::mpsc::channel(16);
    let command = trial.command("echo evil > vendor/sub/.git/hooks/post-checkout");
    let cancel = tokio_util::sync::CancellationToken::new();
    let ran = runtime().block_on(trial.sandbox.run(command, sender, &cancel));
    let error = ran.expect_err("not refused").to_string();
    assert!(error.contains("more git repositories than can be protected"), "{error}");
    assert!(!exists(folder.join(".git/hooks/post-checkout")));
}

#[test]
fn the_reduced_tier_says_that_repositories_are_open() {
    let Some(trial) = Trial::new(Tier::Reduced) else { return };
    let status = trial.sandbox.status();
    let layer = status.layers.iter().find(|layer| layer.name == "Repositories").expect("layer");
    assert_eq!(layer.status, CheckStatus::Warning);
    assert!(layer.message.contains("not protected"), "{layer:?}");
}
