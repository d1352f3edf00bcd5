//! Repositories that come while a command or a program runs: git runs nothing of what agent code wrote there.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

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
        let aside = ran.exit.put_aside;
        // Below so many folders it is not searched.
        assert!(aside.files.is_empty() && aside.failed.is_empty() && aside.unfinished, "{aside:?}");
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
            "led",
            format!(
                "git init -q led && git init -q node_modules/evil && (cd node_modules/evil && {monitor}) && echo ../../node_modules/evil/.git > led/.git/commondir"
            ),
        ),
        // Names that begin or end with a space.
        (
            "spaced",
            format!(
                "git init -q node_modules/hidden && cd node_modules/hidden && {monitor} && mv .git '.git ' && cd ../.. && mkdir spaced && printf 'gitdir: ../node_modules/hidden/.git \\n' > spaced/.git"
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
fn a_program_that_stays_is_looked_after_for_the_time_of_its_calls() {
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
        let mut since = SystemTime::now();
        let mut process = trial.sandbox.start(program(&trial, &script)).await.expect("a program");
        let new = trial.workspace.join("new");
        repository(&new);
        git(&trial.workspace.join("held"), &["config", "alias.other", "!true"]);
        let mut said = [0; 5];
        process.input.write_all(b"\n").await.expect("input");
        process.output.read_exact(&mut said).await.expect("output");
        assert!(exists(new.join(".git/hooks/post-checkout")));
        let aside = process.running.look(since).await;
        assert_eq!(aside.files, ["new/.git/hooks (hooks)"]);
        git(&new, &["checkout", "-q", "-b", "side"]);
        // It has nothing more to say of that.
        assert!(process.running.look(since).await.is_empty());
        // What the user sets up there between two calls stays.
        let between = SystemTime::now();
        std::fs::create_dir(new.join(".git/hooks")).expect("folder");
        let own = new.join(".git/hooks/pre-commit");
        std::fs::write(&own, "#!/bin/sh\n").expect("hook");
        std::fs::set_permissions(&own, std::fs::Permissions::from_mode(0o755)).expect("rights");
        git(&new, &["config", "alias.own", "!true"]);
        tokio::time::sleep(Duration::from_millis(100)).await;
        since = SystemTime::now();
        assert!(process.running.look(since).await.is_empty());
        // It is told, since the program may have left it there, and only once.
        let aside = process.running.tell(between).await;
        assert!(aside.files.is_empty(), "{aside:?}");
        assert_eq!(aside.failed, ["new/.git/config", "new/.git/hooks"]);
        assert!(process.running.tell(since).await.is_empty() && exists(&own));
        process.input.write_all(b"\n").await.expect("input");
        process.output.read_exact(&mut said).await.expect("output");
        process.running.wait().await;
        // By now it may hold work of the user, so what it is given there is only said.
        let aside = process.running.look(since).await;
        assert!(aside.files.is_empty() && aside.failed == ["new/.git/hooks"], "{aside:?}");
        assert!(exists(&own));
        assert_eq!(git(&new, &["config", "alias.own"]), "!true\n");
    });
    assert!(!exists(&planted));
    // What the user sets in a repository that it finds closed stays theirs.
    assert_eq!(git(&trial.workspace.join("held"), &["config", "alias.other"]), "!true\n");
}

#[test]
fn a_repository_that_takes_the_place_of_a_removed_one_is_looked_after() {
    let Some(trial) = Trial::new(Tier::Full) else { return };
    let place = trial.workspace.join("held");
    repository(&place);
    let script = "read go; mkdir -p held && cd held && git init -q . && git config alias.st '!true'; echo done; read go";
    runtime().block_on(async {
        let mut process = trial.sandbox.start(program(&trial, script)).await.expect("a program");
        std::fs::remove_dir_all(&place).expect("the user may remove what a program finds held");
        let since = SystemTime::now();
        let mut said = [0; 5];
        process.input.write_all(b"\n").await.expect("input");
        process.output.read_exact(&mut said).await.expect("output");
        assert_eq!(git(&place, &["config", "alias.st"]), "!true\n");
        let aside = process.running.look(since).await;
        assert_eq!(aside.files, ["held/.git/config (alias.st)"], "{aside:?}");
        drop(process);
    });
    assert!(!std::fs::read_to_string(place.join(".git/config")).expect("settings").contains("!true"));
}

#[test]
fn what_lies_too_deep_for_a_look_is_told() {
    let Some(trial) = Trial::new(Tier::Full) else { return };
    let deep = |levels: usize| "d/".repeat(levels);
    for (levels, is_told) in [(16, false), (18, true)] {
        let aside = trial.run(&format!("mkdir -p {}", deep(levels))).exit.put_aside;
        assert_eq!(aside.unfinished, is_told, "{levels}: {aside:?}");
    }
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

/// A repository of the user, with a hook and a setting that git runs.
fn own_repository(folder: &Path) {
    repository(folder);
    git(folder, &["config", "alias.own", "!true"]);
    std::fs::write(folder.join(".git/hooks/post-checkout"), "#!/bin/sh\n").expect("hook");
}

fn is_untouched(folder: &Path) -> bool {
    git(folder, &["config", "alias.own"]) == "!true\n" && exists(folder.join(".git/hooks/post-checkout"))
}

#[test]
fn a_repository_of_the_user_that_no_search_reached_stays() {
    for trial in Trial::each() {
        for first in 0..150 {
            for second in 0..140 {
                std::fs::create_dir_all(trial.workspace.join(format!("a{first}/{second}"))).expect("folders");
            }
        }
        let folder = trial.workspace.join("z/y/x/sub");
        own_repository(&folder);
        std::thread::sleep(Duration::from_millis(100));
        let ran = trial.run("git init -q new && cd new && git config core.fsmonitor /tmp/x");
        assert!(is_untouched(&folder), "{:?}", trial.tier);
        let aside = ran.exit.put_aside;
        assert!(aside.unfinished && aside.failed.is_empty(), "{aside:?}");
        assert_eq!(aside.files, ["new/.git/config (core.fsmonitor)"]);
    }
}

#[test]
fn a_repository_that_was_moved_is_spoken_of_and_stays() {
    for trial in Trial::each() {
        own_repository(&trial.workspace.join("node_modules/lib"));
        std::thread::sleep(Duration::from_millis(100));
        let ran = trial.run("mv node_modules/lib lib");
        assert!(is_untouched(&trial.workspace.join("lib")), "{:?}", trial.tier);
        let aside = ran.exit.put_aside;
        assert!(aside.files.is_empty() && !aside.unfinished, "{aside:?}");
        assert_eq!(aside.failed, ["lib/.git/config", "lib/.git/hooks"]);
    }
}

#[test]
fn nothing_is_made_in_bare_repositories_and_what_comes_there_is_put_aside() {
    let Some(trial) = Trial::new(Tier::Full) else { return };
    let folder = trial.workspace.join("project");
    repository(&folder);
    git(&folder, &["init", "-q", "--bare", "store.git"]);
    std::fs::remove_dir_all(folder.join("store.git/hooks")).expect("hooks");
    let listed = trial.output("cd project && git add -A && git ls-files");
    assert!(listed.contains("store.git/HEAD") && listed.contains("store.git/config"), "{listed}");
    assert!(!listed.contains("commondir"), "{listed}");
    assert!(!exists(folder.join("store.git/hooks")));
    trial.refused("echo x >> project/store.git/config");
    let ran = trial.run(
        "cd project/store.git && echo ../.git > commondir && mkdir hooks && echo x > hooks/post-receive; true",
    );
    assert!(!exists(folder.join("store.git/commondir")) && !exists(folder.join("store.git/hooks")));
    assert_eq!(
        ran.exit.put_aside.files,
        ["project/store.git/commondir (it leads git to another folder)", "project/store.git/hooks (hooks)"]
    );
}

#[test]
fn settings_of_a_new_repository_have_one_name_and_lead_to_its_own_files() {
    for trial in Trial::each() {
        let ran = trial.run("git init -q new && ln new/.git/config alias && git init -q --separate-git-dir=store apart && git -C apart config core.worktree ../apart");
        assert!(ran.exit.put_aside.is_empty(), "{:?}", ran.exit.put_aside);
        let config = trial.workspace.join("new/.git/config");
        assert_eq!(std::fs::metadata(&config).expect("file").nlink(), 1, "{:?}", trial.tier);
        assert!(!exists(trial.workspace.join("new/.git/config.put-aside")));
        trial.output("echo '[core]\n fsmonitor = x' > alias");
        assert_eq!(git(&trial.workspace.join("new"), &["config", "core.bare"]), "false\n");
        let ran =
            trial.run("git init -q other && mkdir tree && git -C other config core.worktree ../../tree");
        assert_eq!(ran.exit.put_aside.files, ["other/.git/config (core.worktree)"], "{:?}", trial.tier);
        let ran = trial.run("git init -q led && echo ../../later > led/.git/commondir");
        assert_eq!(ran.exit.put_aside.files, ["led/.git/commondir (it leads elsewhere)"], "{:?}", trial.tier);
    }
}

#[test]
fn a_repository_that_an_index_names_is_held_from_the_next_command_on() {
    let Some(trial) = Trial::new(Tier::Full) else { return };
    let project = trial.workspace.join("project");
    repository(&project);
    repository(&project.join("node_modules/lib"));
    git(&project, &["add", "node_modules/lib"]);
    let config = project.join("node_modules/lib/.git/config");
    let before = std::fs::read_to_string(&config).expect("settings");
    trial.refused("cd project/node_modules/lib && git config core.fsmonitor /tmp/x");
    assert_eq!(std::fs::read_to_string(&config).expect("settings"), before);
}

#[test]
fn what_a_command_made_a_later_one_may_change_and_remove() {
    let Some(trial) = Trial::new(Tier::Full) else { return };
    repository(&trial.workspace.join("own"));
    let make = format!(
        "git init -q clone && cd clone && {COMMIT} --allow-empty -m x && git worktree add -q ../tree 2>&1 && \
         git init -q --separate-git-dir=store apart && git init -q --bare bare.git"
    );
    trial.output(&make);
    trial.output("cd clone && git config user.name a && git remote add origin ../own && git fetch -q && cd ../tree && git status");
    trial.output("mv clone/bare.git moved.git && rm -rf clone tree moved.git && ls");
    for gone in ["clone", "tree", "moved.git"] {
        assert!(!exists(trial.workspace.join(gone)), "{gone}");
    }
    // That of the user is held, also where one was that a command had made.
    trial.refused("rm -rf own");
    assert!(exists(trial.workspace.join("own/.git/config")));
    repository(&trial.workspace.join("clone"));
    trial.refused("rm -rf clone");
}

/// By its other name it could be written once its own is held.
#[test]
fn settings_with_a_second_name_are_told_of() {
    let Some(trial) = Trial::new(Tier::Full) else { return };
    let runtime = runtime();
    let since = SystemTime::now();
    let process = runtime.block_on(trial.sandbox.start(program(&trial, "read go"))).expect("a program");
    let config = trial.workspace.join("new/.git/config");
    repository(&trial.workspace.join("new"));
    assert!(runtime.block_on(process.running.tell(since)).is_empty());
    std::fs::hard_link(&config, trial.workspace.join("x")).expect("link");
    assert_eq!(runtime.block_on(process.running.tell(since)).failed, ["new/.git/config"]);
    assert!(exists(config));
    drop(process);
}

/// To remove what is held elsewhere would undo that hold.
#[test]
fn what_a_program_that_stays_holds_later_commands_hold_too() {
    let Some(trial) = Trial::new(Tier::Full) else { return };
    trial.output("git init -q made && git init -q other");
    trial.output("rm -rf other");
    let runtime = runtime();
    let process = runtime.block_on(trial.sandbox.start(program(&trial, "read go"))).expect("a program");
    trial.refused("rm -rf made && git init -q made");
    assert!(exists(trial.workspace.join("made/.git/config")));
    drop(process);
}

#[test]
fn what_a_command_made_is_held_once_the_user_has_set_something_up_there() {
    let Some(trial) = Trial::new(Tier::Full) else { return };
    trial.output("git init -q hooked && git init -q set && git init -q nested");
    let hook = trial.workspace.join("hooked/.git/hooks/pre-commit");
    std::fs::create_dir_all(hook.parent().expect("a folder")).expect("folder");
    std::fs::write(&hook, "#!/bin/sh\n").expect("hook");
    git(&trial.workspace.join("set"), &["config", "alias.own", "!true"]);
    repository(&trial.workspace.join("nested/own"));
    for folder in ["hooked", "set", "nested"] {
        trial.refused(&format!("rm -rf {folder}"));
        trial.refused(&format!("mv {folder} other"));
    }
    assert!(exists(&hook) && exists(trial.workspace.join("nested/own/.git/config")));
    assert_eq!(git(&trial.workspace, &["config", "--file", "set/.git/config", "alias.own"]), "!true\n");
}

#[test]
fn what_comes_into_a_repository_of_an_earlier_command_is_put_aside() {
    let Some(trial) = Trial::new(Tier::Full) else { return };
    repository(&trial.workspace.join("project"));
    let hook = "mkdir -p .git/hooks && echo '#!/bin/sh' > .git/hooks/post-checkout && chmod +x .git/hooks/post-checkout";
    for place in ["lib", "project/node_modules/lib"] {
        trial.output(&format!(
            "git init -q {place} && cd {place} && {COMMIT} --allow-empty -m x && cd $OKCVM_WORKSPACE/project && \
             (git add node_modules/lib 2> /dev/null; true)"
        ));
        let ran = trial.run(&format!("cd {place} && git config core.fsmonitor /tmp/x && {hook}"));
        assert_eq!(
            ran.exit.put_aside.files,
            [format!("{place}/.git/config (core.fsmonitor)"), format!("{place}/.git/hooks (hooks)")],
        );
        let ran = trial
            .run(&format!("cd {place} && git config core.pager /tmp/x && mv $PWD $OKCVM_WORKSPACE/moved"));
        assert_eq!(ran.exit.put_aside.files, ["moved/.git/config (core.pager)"], "{place}");
        trial.output("rm -rf moved");
    }
}

#[test]
fn an_empty_git_folder_that_a_command_fills_counts_as_made_by_it() {
    for trial in Trial::each() {
        std::fs::create_dir_all(trial.workspace.join("old/.git")).expect("folder");
        std::thread::sleep(Duration::from_millis(100));
        let ran = trial.run("git init -q old && cd old && git config core.fsmonitor /tmp/x");
        assert_eq!(ran.exit.put_aside.files, ["old/.git/config (core.fsmonitor)"], "{:?}", trial.tier);
        // Another in its place was not empty.
        std::fs::create_dir_all(trial.workspace.join("place/.git")).expect("folder");
        own_repository(&trial.workspace.join("node_modules/lib"));
        std::thread::sleep(Duration::from_millis(100));
        let ran = trial.run("rmdir place/.git && mv node_modules/lib/.git place/.git");
        assert!(is_untouched(&trial.workspace.join("place")), "{:?}", trial.tier);
        assert_eq!(ran.exit.put_aside.failed, ["place/.git/config", "place/.git/hooks"], "{:?}", trial.tier);
    }
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
fn what_leads_to_something_that_is_spared_stays_where_it_is() {
    let Some(trial) = Trial::new(Tier::Full) else { return };
    std::fs::create_dir_all(trial.workspace.join("data/deep")).expect("folder");
    std::fs::write(trial.workspace.join("data/deep/film"), "mine").expect("file");
    let mut command = trial.command(
        "move() { python3 -c 'import os, sys; os.rename(*sys.argv[1:])' \"$@\" 2> /dev/null && echo moved; }; \
         move data other; move data/deep data/other; move data/deep deep; rm -rf data 2> /dev/null; \
         echo new > data/deep/new && mv data/deep/new data/new && ls",
    );
    command.read_only = vec![std::path::PathBuf::from("data/deep/film")];
    let ran = trial.run_command(command);
    assert_eq!(ran.text(), "data\n");
    assert_eq!(std::fs::read_to_string(trial.workspace.join("data/deep/film")).expect("file"), "mine");
    assert_eq!(std::fs::read_to_string(trial.workspace.join("data/new")).expect("file"), "new\n");
}

#[test]
fn tables_of_the_machine_are_empty() {
    let Some(trial) = Trial::new(Tier::Full) else { return };
    for name in ["kpagecount", "kpageflags", "slabinfo", "vmallocinfo", "pagetypeinfo", "kallsyms", "keys"] {
        assert_eq!(trial.run(&format!("head -c 100 /proc/{name} 2> /dev/null")).text(), "", "{name}");
    }
}
