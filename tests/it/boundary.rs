//! What a session may reach and what runs in it, by the command line and by the command table.

#![allow(clippy::print_stderr, reason = "what is not run is told")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Stdio;

use serde_json::Value;

use crate::command_line::{finished, okcvm, prepared, sessions, text, until, workspace};

fn call(folder: &std::path::Path, work: &str, command: &str) -> Value {
    let arguments = serde_json::json!({ "command": command, "timeout": 60_000 }).to_string();
    let called =
        okcvm(folder, &["tool", "call", "shell", "--workspace", work, "--arguments", &arguments, "--json"]);
    serde_json::from_slice(&called.stdout).unwrap_or_else(|_| panic!("{}", text(&called.stderr)))
}

fn said(result: &Value) -> String {
    result["content"][0]["text"].as_str().unwrap().to_owned()
}

/// Answers every request with a word.
fn server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let _ = client.read(&mut [0; 2048]);
            let _ =
                client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nserved");
        }
    });
    port
}

/// Whether commands can have a network here at all.
fn full(folder: &std::path::Path) -> bool {
    let full = text(&okcvm(folder, &["doctor"]).stdout).contains("Full: namespaces");
    if !full {
        eprintln!("not run: the full sandbox does not hold here");
    }
    full
}

#[cfg(target_os = "linux")]
#[test]
fn a_session_reaches_whom_it_lists_and_every_contact_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    if !full(folder) {
        return;
    }
    let work = workspace(folder);
    let (port, other) = (server(), server());
    let ask = |port: u16| {
        format!(
            "python3 -c 'import urllib.request as u; print(u.urlopen(\"http://127.0.0.1:{port}/\", timeout=20).read().decode())' \
             2>&1 | tail -n 1"
        )
    };
    assert!(!said(&call(folder, &work, &ask(port))).contains("served"), "off is the default");
    let listed = sessions(folder);
    let session = listed[0]["id"].as_str().unwrap();
    assert_eq!(text(&okcvm(folder, &["session", "network", session]).stdout), "off\n");

    let host = format!("127.0.0.1:{port}");
    let allowed = okcvm(folder, &["session", "network", session, "allow", &host, &host]);
    assert_eq!(text(&allowed.stdout), format!("allow {host}\n"), "{}", text(&allowed.stderr));
    assert!(said(&call(folder, &work, &ask(port))).starts_with("served\n"));
    assert!(said(&call(folder, &work, &ask(other))).contains("403"));

    let contacts = okcvm(folder, &["session", "contacts", session, "--json"]);
    let contacts: Vec<Value> = serde_json::from_slice(&contacts.stdout).unwrap();
    let told: Vec<_> = contacts
        .iter()
        .map(|one| (one["port"].as_u64().unwrap(), one["outcome"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [(u64::from(other), "refused"), (u64::from(port), "allowed")]);
    assert!(contacts[1]["received"].as_u64().unwrap() > 6 && contacts[1]["sent"].as_u64().unwrap() > 6);
    assert_eq!(contacts[0]["received"], 0);
    assert_ne!(contacts[0]["itemId"], contacts[1]["itemId"]);
    let listed = text(&okcvm(folder, &["session", "contacts", session]).stdout);
    assert!(listed.contains("refused") && listed.contains("not among the hosts"), "{listed}");

    // Open is open to the public only; the loopback that a command sees is its own.
    assert!(okcvm(folder, &["session", "network", session, "open"]).status.success());
    assert!(!said(&call(folder, &work, &ask(port))).contains("served"));
    let by_proxy = format!("no_proxy= NO_PROXY= {}", ask(port).trim_start());
    assert!(said(&call(folder, &work, &by_proxy)).contains("403"));
    assert!(okcvm(folder, &["session", "network", session, "off"]).status.success());
    assert!(!said(&call(folder, &work, &by_proxy)).contains("403"));
}

#[cfg(target_os = "linux")]
#[test]
fn the_apps_data_is_hidden_wherever_it_lies() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let work = workspace(folder);
    // A folder of programs, which commands may read, with the app's data in it.
    let tools = folder.join("tools");
    std::fs::create_dir_all(tools.join("bin")).unwrap();
    std::fs::create_dir_all(tools.join("data")).unwrap();
    std::os::unix::fs::symlink("/usr/bin/python3", tools.join("bin/python3")).unwrap();
    std::fs::write(tools.join("notes"), "a tool").unwrap();
    std::fs::write(tools.join("data/canary"), "a secret").unwrap();
    let arguments = serde_json::json!({
        "command": format!("cat {tools}/notes; cat {tools}/data/canary; ls {tools}/data; echo ran", tools = tools.display())
    });
    let run = |home: &std::path::Path| {
        let arguments = arguments.to_string();
        let mut program =
            prepared(folder, &["tool", "call", "shell", "--workspace", &work, "--arguments", &arguments]);
        let path = format!("{}:{}", tools.join("bin").display(), std::env::var("PATH").unwrap());
        text(
            &finished({
                program.env("OKCVM_HOME", home).env("PATH", path);
                program
            })
            .stdout,
        )
    };
    let elsewhere = run(&folder.join("data"));
    assert!(elsewhere.contains("a tool") && elsewhere.contains("a secret"), "the control: {elsewhere}");
    let inside = run(&tools.join("data"));
    assert!(
        inside.contains("ran") && !inside.contains("a secret") && !inside.contains("okcvm.db"),
        "{inside}"
    );
}

#[test]
fn wrong_hosts_are_refused_and_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let work = workspace(folder);
    call(folder, &work, "true");
    let listed = sessions(folder);
    let session = listed[0]["id"].as_str().unwrap();
    for hosts in [
        &["allow", "http://example.com"][..],
        &["allow", "*"],
        &["allow"],
        &["open", "example.com"],
        &["allow", ""],
    ] {
        let arguments: Vec<&str> = ["session", "network", session].iter().chain(hosts).copied().collect();
        let refused = okcvm(folder, &arguments);
        assert!(!refused.status.success(), "{hosts:?}");
        assert!(!refused.stderr.is_empty(), "{hosts:?}");
    }
    assert_eq!(text(&okcvm(folder, &["session", "network", session]).stdout), "off\n");
    assert!(!okcvm(folder, &["session", "network", "nothing-of-that-name"]).status.success());
}

#[cfg(target_os = "linux")]
#[test]
fn a_limit_is_named_and_the_program_stays_small() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let work = workspace(folder);
    let arguments =
        serde_json::json!({ "command": "head -c 10000000000 /dev/zero", "timeout": 300_000 }).to_string();
    let mut program = prepared(
        folder,
        &["tool", "call", "shell", "--workspace", &work, "--arguments", &arguments, "--json"],
    );
    let child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = child.id();
    let (mut most, mut ended) = (0, false);
    let ending = std::thread::spawn(move || child.wait_with_output().unwrap());
    until("its end", || {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let kilobytes = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
        most = most.max(kilobytes.unwrap_or_default());
        ended |= ending.is_finished();
        ended
    });
    let output = ending.join().unwrap();
    let result: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
    assert!(said(&result).contains("ended by a limit: it printed more than"), "{}", said(&result));
    assert!(most > 1_000 && most < 200_000, "{most} kB");
}

#[cfg(target_os = "linux")]
#[test]
fn what_a_killed_program_left_is_told_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let work = workspace(folder);
    let arguments = r#"{"command": "sleep 300", "description": "waiting long"}"#;
    let program =
        prepared(folder, &["tool", "call", "shell", "--workspace", &work, "--arguments", arguments]);
    let mut program = program;
    let mut child = program.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let records = folder.join("data/processes");
    let count = || std::fs::read_dir(&records).into_iter().flatten().flatten().count();
    until("a record", || count() == 1);
    child.kill().unwrap();
    child.wait().unwrap();
    let next = finished(prepared(folder, &["tool", "list"]));
    assert!(next.status.success());
    assert_eq!(count(), 0, "the next start has looked for it");
}

#[cfg(target_os = "linux")]
#[test]
fn a_workspace_in_a_folder_of_programs_is_not_read_by_another_session() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // The folder of an interpreter in the search path is open to commands.
    let programs = folder.join("programs");
    std::fs::create_dir_all(programs.join("bin")).unwrap();
    std::fs::write(programs.join("bin/node"), "").unwrap();
    std::fs::write(programs.join("data"), "for everybody").unwrap();
    let other = programs.join("projects/other");
    std::fs::create_dir_all(&other).unwrap();
    std::fs::write(other.join("secret"), "of another session").unwrap();
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", programs.join("bin").display());
    let read = |work: &std::path::Path, file: &std::path::Path| {
        let arguments = serde_json::json!({ "command": format!("cat {}", file.display()) }).to_string();
        let work = work.to_string_lossy();
        let mut program = prepared(
            folder,
            &["tool", "call", "shell", "--workspace", &work, "--arguments", &arguments, "--json"],
        );
        program.env("PATH", &path);
        let called = finished(program);
        said(&serde_json::from_slice(&called.stdout).unwrap_or_else(|_| panic!("{}", text(&called.stderr))))
    };
    let work = std::path::PathBuf::from(workspace(folder));
    assert!(read(&work, &programs.join("data")).contains("for everybody"));
    // It becomes the workspace of a session by this call.
    read(&other, std::path::Path::new("secret"));
    let told = read(&work, &other.join("secret"));
    assert!(!told.contains("of another session"), "{told}");
}
