use std::fs;

use tempfile::TempDir;

use super::*;

fn search(files: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
    let folder = TempDir::new().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let found = References::of(folder.path());
    let words = |set: &BTreeSet<Reference>| set.iter().map(ToString::to_string).collect();
    (words(&found.leaving), words(&found.missing))
}

fn nothing() -> (Vec<String>, Vec<String>) {
    (Vec::new(), Vec::new())
}

#[test]
fn a_site_that_holds_all_it_needs_has_nothing_to_report() {
    let found = search(&[
        (
            "index.html",
            "<link rel=stylesheet href='./style.css?v=2'><script src=/js/app.js></script><a href='about/'>x</a>\
             <img srcset='a%20b.png 1x, data:image/png;base64,AA 2x' style=\"background:url('a b.png')\"><a href='#top'>\
             <a href=https://example.org/>a link for the reader</a><link rel=canonical href=https://example.org/>\
             <!-- <script src=https://cdn.example/old.js></script> --><a href='mailto:a@example.org'>",
        ),
        ("style.css", "/* url(http://x.example) */ @import 'more.css'; b{background:url(\"a b.png\")}"),
        ("more.css", ""),
        (
            "js/app.js",
            "import './part.js'; fetch('/data.json'); const words = 'see https://example.org/x.js';",
        ),
        ("about/index.html", "<img src='../a b.png'>"),
        ("a b.png", ""),
    ]);
    assert_eq!(found, nothing());
}

#[test]
fn other_hosts_and_paths_of_the_machine_leave() {
    let (leaving, missing) = search(&[
        (
            "index.html",
            "<SCRIPT SRC=//cdn.example/a.js></SCRIPT><link rel='stylesheet' href='https://fonts.example/css?a=1&amp;b=2'>\
             <img src='/mnt/okcomputer/b.png'><img src=file:///home/c.png><img src='C:\\d.png'><img src=../e.png>\
             <script type=module>import x from 'https://cdn.example/f.js'; if (a < b) { x('<img src=g.png>') }</script>\
             <style>@font-face{src:url(https://fonts.example/h.woff2)}</style>",
        ),
        ("deep/i.css", "@import url('http://j.example/j.css'); a{background:url(../../k.png)}"),
        ("deep/l.js", "const r = await fetch(`https://api.example/m`); i.src = 'http://n.example/n.png'"),
    ]);
    assert_eq!(
        leaving,
        [
            "deep/i.css: ../../k.png",
            "deep/i.css: http://j.example/j.css",
            "deep/l.js: http://n.example/n.png",
            "deep/l.js: https://api.example/m",
            "index.html: ../e.png",
            "index.html: //cdn.example/a.js",
            "index.html: /mnt/okcomputer/b.png",
            "index.html: C:\\d.png",
            "index.html: file:///home/c.png",
            "index.html: https://cdn.example/f.js",
            "index.html: https://fonts.example/css?a=1&b=2",
            "index.html: https://fonts.example/h.woff2",
        ]
    );
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn files_that_are_not_there_are_missing() {
    let (leaving, missing) =
        search(&[("a/index.html", "<script src=x.js></script><a href=/gone.html><img src='{{src}}'>")]);
    assert_eq!(leaving, Vec::<String>::new());
    assert_eq!(missing, ["a/index.html: /gone.html", "a/index.html: x.js"]);
}

#[test]
fn large_files_are_counted_not_searched() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("a.js"), "x".repeat(MAX_FILE as usize + 1)).unwrap();
    assert_eq!(References::of(folder.path()).unread, 1);
}

#[test]
fn every_pattern_is_right() {
    for pattern in [&COMMENT, &SCRIPT, &STYLE, &TAG, &ATTRIBUTE, &CSS_ADDRESS, &CSS_COMMENT, &SCRIPT_ADDRESS]
    {
        assert!(pattern.is_some());
    }
}
