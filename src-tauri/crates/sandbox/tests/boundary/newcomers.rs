//! Repositories that come while a command or a program runs: git runs nothing of what agent code wrote there.

use std::path::Path;

use okcvm_sandbox::Tier;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::programs::program;
use crate::repositories::{COMMIT, git, repository};
use crate::trial::{Trial, exists, runtime};

/// Settings and hooks that make a file.
fn planted(trial: &Trial) -> std::path::PathBuf {
    trial.outside.join("planted")
}

#[test]
fn a_nested_repository_that_a_command_adds_runs_nothing() {
    for trial in Trial::each() {
        let planted = planted(&trial);
        let run = format!("touch {}; false", planted.display());
        // Where nobody would look for it, too.
        for (number, nested) in
            ["lib", "node_modules/lib", "a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/lib"].iter().enumerate()
        {
            let folder = trial.workspace.join(format!("project{number}"));
            repository(&folder);
            let ran = trial.run(&format!(
                "cd project{number} && git init -q {nested} && cd {nested} && {COMMIT} --allow-empty -m y && \
                 git config core.fsmonitor '{run}' && git config user.name kept && \
                 printf '#!/bin/sh\\n{run}\\n' > .git/hooks/post-checkout && chmod +x .git/hooks/post-checkout && \
                 cd /mnt/okcomputer/project{number} 2> /dev/null || cd $OKCVM_WORKSPACE/project{number}; git add {nested} 2> /dev/null; git ls-files -s"
            ));
            assert!(ran.text().contains("160000"), "{}", ran.text());
            git(&folder, &["status"]);
            git(&folder.join(nested), &["checkout", "-q", "-b", "other"]);
            git(&folder.join(nested), &["status"]);
            assert!(!exists(&planted), "{:?}, {nested}", trial.tier);
            let there = folder.join(nested).join(".git");
            assert_eq!(git(&there, &["config", "--file", "config", "user.name"]), "kept\n");
            assert!(
                exists(there.join("config.put-aside")) && exists(there.join("hooks.put-aside/post-checkout"))
            );
            let said = ran.exit.put_aside.remarks().join("\n");
            assert!(
                said.contains(&format!("project{number}/{nested}/.git/config (core.fsmonitor)")),
                "{said}"
            );
            assert!(said.contains(&format!("project{number}/{nested}/.git/hooks (hooks)")), "{said}");
        }
        let ran = trial.run(
            "git init -q plain && cd plain && git config user.name a && git config user.email b@localhost",
        );
        assert!(ran.exit.put_aside.is_empty(), "{:?}", ran.exit.put_aside);
    }
}

#[test]
fn other_ways_to_bring_settings_in_are_closed() {
    let Some(trial) = Trial::new(Tier::Full) else { return };
    let planted = planted(&trial);
    let run = format!("touch {}; false", planted.display());
    let monitor = format!("git config core.fsmonitor '{run}'");
    for (place, script) in [
        // A bare repository that is none, in a folder that the user enters.
        (
            "bare",
            format!(
                "git init -q --bare bare && cd bare && git config core.bare false && git config core.worktree . && {monitor}"
            ),
        ),
        // A file and a link that lead to a folder of another name.
        ("file", format!("git init -q --separate-git-dir=store file && cd file && {monitor}")),
        (
            "link",
            format!(
                "git init -q other && cd other && {monitor} && cd .. && mkdir link && ln -s ../other/.git link/.git"
            ),
        ),
        // A folder that shares the settings of another.
        (
            "common",
            format!(
                "git init -q common && git init -q source && (cd source && {monitor}) && echo ../../source/.git > common/.git/commondir"
            ),
        ),
        (
            "tree",
            format!(
                "git init -q owner && cd owner && {COMMIT} --allow-empty -m x && git worktree add -q ../tree 2>&1 && \
                  git config extensions.worktreeConfig true && cd ../tree && git config --worktree core.fsmonitor '{run}'"
            ),
        ),
        (
            "included",
            format!(
                "git init -q included && cd included && printf '[core]\\n fsmonitor = \"{run}\"\\n' > settings && git config include.path ../settings"
            ),
        ),
        ("closed", format!("git init -q closed && cd closed && {monitor} && chmod 500 .git")),
    ] {
        trial.output(&script);
        let folder = trial.workspace.join(place);
        // What was made unusable by it runs nothing either.
        for arguments in [&["status"][..], &["diff"], &["log", "-1"]] {
            let _ = std::process::Command::new("git")
                .args(arguments)
                .current_dir(&folder)
                .env("GIT_CONFIG_GLOBAL", "/dev/null")
                .env("GIT_CONFIG_NOSYSTEM", "1")
                .output()
                .expect("git");
        }
        assert!(!exists(&planted), "{place}");
    }
    // The same does run what it names where nobody looks.
    let control = trial.workspace.join("control");
    repository(&control);
    git(&control, &["config", "core.fsmonitor", &run]);
    git(&control, &["status"]);
    assert!(exists(&planted));
}

#[test]
fn a_program_that_stays_is_looked_after_while_it_lives() {
    let Some(trial) = Trial::new(Tier::Full) else { return };
    let planted = planted(&trial);
    repository(&trial.workspace.join("held"));
    git(&trial.workspace.join("held"), &["config", "alias.st", "!true"]);
    let script = format!(
        "read go; printf '#!/bin/sh\\ntouch {0}\\n' > new/.git/hooks/post-checkout; chmod +x new/.git/hooks/post-checkout; \
         echo done; read go; printf '#!/bin/sh\\ntouch {0}\\n' > new/.git/hooks/post-commit; \
         chmod +x new/.git/hooks/post-commit; echo done",
        planted.display()
    );
    runtime().block_on(async {
        let mut process = trial.sandbox.start(program(&trial, &script)).await.expect("a program");
        let new = trial.workspace.join("new");
        repository(&new);
        git(&trial.workspace.join("held"), &["config", "alias.other", "!true"]);
        let mut said = [0; 5];
        process.input.write_all(b"\n").await.expect("input");
        process.output.read_exact(&mut said).await.expect("output");
        assert!(exists(new.join(".git/hooks/post-checkout")));
        let aside = process.running.look().await;
        assert_eq!(aside.files, ["new/.git/hooks (hooks)"]);
        git(&new, &["checkout", "-q", "-b", "side"]);
        // It has nothing more to say of that.
        assert!(process.running.look().await.is_empty());
        std::fs::create_dir(new.join(".git/hooks")).expect("folder");
        process.input.write_all(b"\n").await.expect("input");
        process.output.read_exact(&mut said).await.expect("output");
        process.running.wait().await;
        assert_eq!(process.running.look().await.files, ["new/.git/hooks (hooks)"]);
        git(&new, &["commit", "-q", "--allow-empty", "-m", "x"]);
    });
    assert!(!exists(&planted));
    // What the user sets in a repository that it finds closed stays theirs.
    assert_eq!(git(&trial.workspace.join("held"), &["config", "alias.other"]), "!true\n");
}

#[test]
fn a_crowd_of_folders_hides_no_repository_that_was_there_before() {
    let Some(trial) = Trial::new(Tier::Full) else { return };
    let folder = trial.workspace.join("z/y/x/sub");
    repository(&folder);
    trial.output("python3 -c 'import os\nfor n in range(150):\n os.mkdir(f\"a{n}\")\n for m in range(140): os.mkdir(f\"a{n}/{m}\")'");
    trial.refused("echo evil > z/y/x/sub/.git/hooks/post-checkout");
    assert!(!exists(folder.join(".git/hooks/post-checkout")));
}

#[test]
fn a_linked_git_folder_is_not_exchanged_while_a_command_runs() {
    let Some(trial) = Trial::new(Tier::Full) else { return };
    repository(&trial.workspace.join("main"));
    std::os::unix::fs::symlink("main/.git", trial.workspace.join(".git")).expect("link");
    for plant in
        ["rm .git", "mv .git x", "ln -sfn /tmp .git", "python3 -c 'import os; os.rename(\".git\", \"x\")'"]
    {
        trial.refused(plant);
    }
    assert_eq!(std::fs::read_link(trial.workspace.join(".git")).expect("link"), Path::new("main/.git"));
}

#[test]
fn what_is_to_be_spared_cannot_be_changed() {
    let Some(trial) = Trial::new(Tier::Full) else { return };
    std::fs::create_dir_all(trial.workspace.join("data/deep")).expect("folder");
    for name in ["data/deep/film", "large"] {
        std::fs::write(trial.workspace.join(name), "mine").expect("file");
    }
    for script in
        ["rm -rf data large; mv large /tmp/; : > large; ls large data/deep/film > /dev/null; exit 3"]
    {
        let mut command = trial.command(script);
        command.read_only =
            ["data", "large", "gone", "../outside", "/etc"].map(std::path::PathBuf::from).to_vec();
        trial.run_command(command);
        for name in ["data/deep/film", "large"] {
            let content = std::fs::read_to_string(trial.workspace.join(name)).expect("file");
            assert_eq!(content, "mine", "{name}: {script}");
        }
    }
}

#[test]
fn tables_of_the_machine_are_empty() {
    let Some(trial) = Trial::new(Tier::Full) else { return };
    for name in ["kpagecount", "kpageflags", "slabinfo", "vmallocinfo", "pagetypeinfo", "kallsyms", "keys"] {
        assert_eq!(trial.run(&format!("head -c 100 /proc/{name} 2> /dev/null")).text(), "", "{name}");
    }
}
