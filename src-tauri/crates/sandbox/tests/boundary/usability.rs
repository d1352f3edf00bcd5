//! What must work, so that the boundary is no obstacle.

use std::path::PathBuf;

use okcvm_protocol::CheckStatus;
use okcvm_sandbox::{Outcome, Sandbox, Tier};

use crate::trial::Trial;

#[test]
fn a_real_shell() {
    for trial in Trial::each() {
        for (script, output) in [
            ("echo a | tr a b && echo c; false || echo d", "b\nc\nd\n"),
            ("cat <<END\nline $((6 * 7))\nEND", "line 42\n"),
            ("echo out; echo err >&2; echo out", "out\nerr\nout\n"),
            ("diff <(echo a) <(echo a) && echo same", "same\n"),
            ("for n in 1 2 3; do echo $n; done > file; wc -l < file", "3\n"),
            ("yes | head -n 2", "y\ny\n"),
            ("echo x > /dev/null; head -c 3 /dev/zero | wc -c; head -c 8 /dev/urandom | wc -c", "3\n8\n"),
            ("echo 漢字 😀 é; printf 'ünï' > 文件.txt; cat 文件.txt", "漢字 😀 é\nünï"),
            ("cat; echo read $?; read line; echo $?", "read 0\n1\n"),
            ("f=$(mktemp); echo x > $f; cat $f; d=$(mktemp -d); ls -a $d | wc -l; rm -r $f $d", "x\n2\n"),
            ("echo x > ~/note; cat ~/note", "x\n"),
            ("printf '#!/bin/sh\\necho run\\n' > run.sh; chmod +x run.sh; ./run.sh", "run\n"),
            ("[ \"$PWD\" = \"$OKCVM_WORKSPACE\" ] && echo here", "here\n"),
            ("echo $TERM $LANG $USER", "dumb C.UTF-8 agent\n"),
            ("ls /dev/fd/ > /dev/null 2>&1; echo x | cat /dev/stdin; echo y > /dev/stderr", "x\ny\n"),
            ("sleep 0.1 & wait; echo waited", "waited\n"),
        ] {
            assert_eq!(trial.output(script), output, "{:?}: {script}", trial.tier);
        }
    }
}

#[test]
fn output_is_passed_on_byte_by_byte() {
    for trial in Trial::each() {
        let bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
        std::fs::write(trial.workspace.join("bytes"), &bytes).expect("file");
        let ran = trial.run("cat bytes");
        assert_eq!((ran.exit.outcome, ran.exit.output_bytes), (Outcome::Exited(0), 300_000));
        assert!(ran.bytes == bytes, "{:?}: other bytes", trial.tier);
    }
}

#[test]
fn output_comes_while_the_command_runs() {
    for trial in Trial::each() {
        crate::trial::runtime().block_on(async {
            let (sender, mut receiver) = tokio::sync::mpsc::channel::<Vec<u8>>(4);
            let cancel = tokio_util::sync::CancellationToken::new();
            let command = trial.command("echo first; while [ ! -e go ]; do sleep 0.02; done; echo second");
            let workspace = trial.workspace.clone();
            let taking = async {
                assert_eq!(receiver.recv().await.as_deref(), Some(&b"first\n"[..]));
                std::fs::write(workspace.join("go"), "").expect("file");
                assert_eq!(receiver.recv().await.as_deref(), Some(&b"second\n"[..]));
                assert_eq!(receiver.recv().await, None);
            };
            let (exit, ()) = tokio::join!(trial.sandbox.run(command, sender, &cancel), taking);
            assert_eq!(exit.expect("a run").outcome, Outcome::Exited(0));
        });
    }
}

#[test]
fn python_and_its_children() {
    for trial in Trial::each() {
        assert_eq!(
            trial.output(
                "python3 -c 'import json, sqlite3, subprocess, asyncio, csv, ssl, tempfile\n\
                 print(subprocess.run([\"echo\", \"child\"], capture_output=True, text=True).stdout, end=\"\")\n\
                 asyncio.run(asyncio.sleep(0))\n\
                 with tempfile.NamedTemporaryFile() as file: file.write(b\"x\")\n\
                 c = sqlite3.connect(\"data.db\"); c.execute(\"create table t (a)\"); c.commit()\n\
                 import threading; t = threading.Thread(target=print, args=(\"thread\",)); t.start(); t.join()'"
            ),
            "child\nthread\n",
            "{:?}",
            trial.tier
        );
    }
    let Some(trial) = Trial::new(Tier::Full) else { return };
    assert_eq!(
        trial.output("python3 -c 'import multiprocessing as m\nprint(m.Pool(2).map(abs, [-1, 2]))'"),
        "[1, 2]\n"
    );
}

#[test]
fn git_in_the_workspace() {
    for trial in Trial::each() {
        let output = trial.output(
            "git init -q project && cd project && echo x > file && git add . && \
             git -c user.name=a -c user.email=a@localhost commit -qm first && git log --oneline | wc -l && \
             cd .. && ! git status 2> /dev/null && echo none above",
        );
        assert_eq!(output, "1\nnone above\n", "{:?}", trial.tier);
    }
}

#[test]
fn the_full_tier_has_the_workspace_where_the_agent_expects_it() {
    let Some(trial) = Trial::new(Tier::Full) else { return };
    assert_eq!(trial.output("pwd; echo x > /mnt/okcomputer/file; cat file"), "/mnt/okcomputer\nx\n");
    assert_eq!(std::fs::read_to_string(trial.workspace.join("file")).expect("file"), "x\n");
    assert_eq!(
        trial.output("whoami; hostname; echo x > /dev/shm/a; cat /dev/shm/a"),
        "agent\nokcomputer\nx\n"
    );
    assert_eq!(trial.sandbox.path_inside(&trial.workspace), PathBuf::from("/mnt/okcomputer"));
    // The next command sees files of the workspace, and nothing else of this one.
    assert_eq!(
        trial.output("ls; ls /tmp /dev/shm ~; ps ax | grep -c '[o]kcvm-sandbox'"),
        "file\n/dev/shm:\n\n/home/agent:\n\n/tmp:\n1\n"
    );
    // Files belong to whom they would belong without a sandbox.
    let owner =
        std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(trial.workspace.join("file")).expect("file"));
    assert_eq!(owner, rustix::process::geteuid().as_raw());
}

#[test]
fn the_status_names_every_layer() {
    for trial in Trial::each() {
        let status = trial.sandbox.status();
        assert!(status.available);
        let names: Vec<&str> = status.layers.iter().map(|layer| layer.name.as_str()).collect();
        let landlock =
            status.layers[1].message.strip_prefix("Version ").and_then(|rest| rest.split_once(':'));
        let landlock: i32 = landlock.expect("its version").0.parse().expect("a number");
        let mut expected = vec![
            "Namespaces",
            "Landlock",
            "System calls",
            "Network",
            "Repositories",
            "Ending",
            "Process limit",
            "Memory",
        ];
        if trial.tier == Tier::Full && landlock < 9 {
            expected.insert(2, "Local sockets");
        }
        assert_eq!(names, expected);
        let repositories =
            status.layers.iter().find(|layer| layer.name == "Repositories").expect("repositories");
        assert_eq!(repositories.status == CheckStatus::Ok, trial.tier == Tier::Full, "{status:?}");
        assert!(status.layers.iter().all(|layer| layer.status != CheckStatus::Failed), "{status:?}");
        match trial.tier {
            Tier::Full => assert!(status.mode.starts_with("Full"), "{status:?}"),
            Tier::Reduced => {
                assert!(status.mode.starts_with("Reduced"), "{status:?}");
                assert!(status.layers[0].message.contains("/mnt/okcomputer is not there"), "{status:?}");
            }
        }
    }
}

#[test]
fn without_a_helper_nothing_runs() {
    for helper in ["/nowhere/okcvm", "/bin/true", "/bin/false"] {
        let sandbox = Sandbox::probe(PathBuf::from(helper));
        let reason = sandbox.available().expect_err("no sandbox");
        assert!(reason.contains("no boundary"), "{reason}");
        assert!(!sandbox.status().available);
        assert_eq!(sandbox.status().layers.len(), 2);
        assert_eq!(sandbox.status().layers[0].status, CheckStatus::Failed);
        let error = crate::trial::runtime().block_on(async {
            let (sender, _receiver) = tokio::sync::mpsc::channel(1);
            let command = okcvm_sandbox::Command::new("true", std::env::temp_dir());
            sandbox.run(command, sender, &tokio_util::sync::CancellationToken::new()).await
        });
        assert!(error.is_err());
    }
}

/// Runs the helper's own trial run under a wrapper, and gives its exit code and all that it said.
fn wrapped(wrapper: &[&str], tier: &str, workspace: &std::path::Path) -> (Option<i32>, String) {
    let output = std::process::Command::new(wrapper[0])
        .args(&wrapper[1..])
        .args([crate::trial::HELPER, "run", tier])
        .arg(workspace)
        .args(["20", "echo it ran; cat /etc/os-release > copy"])
        .output()
        .expect("the wrapper");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn where_namespaces_are_refused_the_reduced_tier_takes_over() {
    let Some(trial) = Trial::new(Tier::Full) else { return };
    // A user namespace in which no further one may be made.
    let wrapper =
        ["unshare", "-Ur", "sh", "-c", "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$@\"", "sh"];
    let (code, text) = wrapped(&wrapper, "full", &trial.workspace);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("only the reduced tier holds") && text.contains("making namespaces"), "{text}");
    let (code, text) = wrapped(&wrapper, "reduced", &trial.workspace);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with("it ran\n"), "{text}");
}

#[test]
fn where_the_kernel_has_no_landlock_nothing_runs() {
    let Some(trial) = Trial::new(Tier::Reduced) else { return };
    // A filter under which the calls of Landlock (444 to 446 everywhere) do not exist.
    let wrapper = r"
import ctypes, os, struct, sys
instructions = [(0x20, 0, 0, 0), (0x35, 0, 2, 444), (0x25, 1, 0, 446), (0x06, 0, 0, 0x00050000 | 38), (0x06, 0, 0, 0x7fff0000)]
code = b''.join(struct.pack('HBBI', *i) for i in instructions)
buffer = ctypes.create_string_buffer(code)
program = struct.pack('HxxxxxxP', len(instructions), ctypes.addressof(buffer))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program, 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
";
    let (code, text) = wrapped(&["python3", "-c", wrapper], "reduced", &trial.workspace);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("this system gives no boundary for commands"), "{text}");
    assert!(text.contains("the kernel does not have it"), "{text}");
    assert!(!text.contains("it ran") && !trial.workspace.join("copy").exists());
    let (code, text) = wrapped(&["python3", "-c", wrapper], "full", &trial.workspace);
    assert_eq!(code, Some(2), "{text}");
}
