use std::sync::Mutex;

use super::*;

/// A workspace with some files, which notes what it was asked for.
fn deck() -> (DeckFiles, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let read: ReadFile = {
        let asked = asked.clone();
        Arc::new(move |path: &str| {
            asked.lock().unwrap().push(path.to_owned());
            matches!(path, "talks/img/a.png" | "talks/海 1.png" | "style.css" | "etc/passwd")
                .then(|| path.as_bytes().to_vec())
        })
    };
    (DeckFiles::new(b"<p>page</p>".to_vec(), "/talks/über uns.html", read), asked)
}

/// What an address gives, as text and kind.
fn found(deck: &DeckFiles, address: &str) -> Option<(String, String)> {
    deck.find(address).map(|resource| (String::from_utf8(resource.bytes).unwrap(), resource.mime))
}

/// What an address should give.
fn file(content: &str, kind: &str) -> (String, String) {
    (content.to_owned(), kind.to_owned())
}

#[test]
fn the_page_is_found_at_its_own_address_whatever_its_name_is() {
    let (deck, asked) = deck();
    let address = deck.address();
    assert_eq!(address, format!("http://{HOST}/talks/%C3%BCber%20uns%2Ehtml"));
    for known in
        [address.as_str(), &format!("{address}?v=2#3"), &format!("http://{HOST}/talks/über uns.html")]
    {
        assert_eq!(found(&deck, known), Some(file("<p>page</p>", "text/html; charset=utf-8")), "{known}");
    }
    assert!(asked.lock().unwrap().is_empty());
}

#[test]
fn files_are_found_relative_to_the_workspace_by_every_way_to_write_them() {
    let (deck, _) = deck();
    let picture = Some(file("talks/img/a.png", "image/png"));
    for address in [
        format!("http://{HOST}/talks/img/a.png"),
        format!("http://{HOST}/talks/img/a.png?width=20#top"),
        format!("http://{HOST}/talks/%69mg/a%2Epng"),
        format!("http://{HOST}/talks/x/%2e%2e/img/a.png"),
        format!("http://{HOST}/mnt/okcomputer/talks/img/a.png"),
        "file:///mnt/okcomputer/talks/img/a.png".to_owned(),
        "file:///mnt/okcomputer/talks/./img/../img/a.png".to_owned(),
        format!("https://{HOST}/talks/img/a.png"),
    ] {
        assert_eq!(found(&deck, &address), picture, "{address}");
    }
    assert_eq!(
        found(&deck, &format!("http://{HOST}/talks/海 1.png")),
        Some(file("talks/海 1.png", "image/png"))
    );
    assert_eq!(found(&deck, &format!("http://{HOST}/style.css")), Some(file("style.css", "text/css")));
}

#[test]
fn nothing_outside_of_the_workspace_is_ever_asked_for_by_a_path_from_the_root() {
    let (deck, asked) = deck();
    // A path of the machine is one of the workspace: here a file of that name lies in it.
    assert_eq!(found(&deck, "file:///etc/passwd"), Some(file("etc/passwd", "application/octet-stream")));
    assert_eq!(asked.lock().unwrap().drain(..).collect::<Vec<_>>(), ["etc/passwd"]);
    for (address, path) in [
        (format!("http://{HOST}/../../etc/shadow"), "etc/shadow"),
        (format!("http://{HOST}/%2e%2e/%2E%2e/etc/shadow"), "etc/shadow"),
        (format!("http://{HOST}/.%2e/etc/shadow"), "etc/shadow"),
        // Whoever reads refuses what leads out.
        (format!("http://{HOST}/..%2f..%2fetc/shadow"), "../../etc/shadow"),
        (format!("http://{HOST}/%252e%252e/etc/shadow"), "%2e%2e/etc/shadow"),
    ] {
        assert_eq!(found(&deck, &address), None, "{address}");
        assert_eq!(asked.lock().unwrap().drain(..).collect::<Vec<_>>(), [path], "{address}");
    }
    for address in [
        format!("http://{HOST}/%ff%fe.png"),
        "http://127.0.0.1:8080/x.png".to_owned(),
        "https://example.com/talks/img/a.png".to_owned(),
        format!("http://x.{HOST}/talks/img/a.png"),
        format!("http://{HOST}.example.com/talks/img/a.png"),
        "ftp://example.com/x".to_owned(),
        "data:text/plain,x".to_owned(),
        "not an address".to_owned(),
        String::new(),
    ] {
        assert_eq!(found(&deck, &address), None, "{address}");
        assert!(asked.lock().unwrap().is_empty(), "{address}");
    }
}

#[test]
fn libraries_of_the_web_are_answered_from_the_bundle() {
    let (deck, _) = deck();
    for address in [
        "https://cdn.tailwindcss.com",
        "https://cdn.tailwindcss.com/3.4.1?plugins=forms",
        "https://cdn.jsdelivr.net/npm/@tailwindcss/browser@4",
        "http://unpkg.com/@tailwindcss/browser@4/dist/index.global.js",
    ] {
        let (script, kind) = found(&deck, address).unwrap();
        assert_eq!(kind, "text/javascript; charset=utf-8", "{address}");
        assert!(script.starts_with(TAILWIND_BEFORE) && script.ends_with(TAILWIND), "{address}");
    }
    for address in
        ["https://fonts.googleapis.com/css2?family=Inter:wght@400;700", "https://fonts.bunny.net/css"]
    {
        assert_eq!(found(&deck, address), Some(file("", "text/css; charset=utf-8")), "{address}");
    }
    let icons = "https://cdnjs.cloudflare.com/ajax/libs/font-awesome/6.5.1/css/all.min.css";
    let (sheet, kind) = found(&deck, icons).unwrap();
    assert_eq!(kind, "text/css; charset=utf-8");
    // Every font is in the sheet itself, under the names of each version.
    assert!(!sheet.contains("../webfonts/"), "a font is left outside");
    for family in ["Font Awesome 7 Free", "Font Awesome 6 Free", "Font Awesome 5 Brands"] {
        assert!(sheet.contains(family), "{family}");
    }
    for address in ["https://cdn.example.com/tailwind.min.css", "https://cdn.example.com/fontawesome.js"] {
        assert_eq!(found(&deck, address), None, "{address}");
    }
}

#[test]
fn a_page_leads_to_the_bundle_where_an_engine_cannot_answer_for_the_web() {
    let (deck, _) = deck();
    let page = "<!-- http --><script src=\"https://cdn.tailwindcss.com?plugins=forms&amp;x=1\"></script>\
                <link href='https://fonts.googleapis.com/css2?family=A&amp;family=B' rel=stylesheet>\
                <style>@import url(https://fonts.bunny.net/css?family=C);</style>\
                <img src=https://example.com/x.png><p>https 世界 http</p>";
    let base = format!("http://{HOST}");
    let changed = with_stand_ins(page, &base);
    let marked: Vec<String> = changed
        .split(&format!("{base}/.stand-in/"))
        .skip(1)
        .map(|rest| rest.split(['"', '\'', ')']).next().unwrap().to_owned())
        .collect();
    assert_eq!(marked.len(), 3, "{changed}");
    let kinds: Vec<String> =
        marked.iter().map(|name| found(&deck, &format!("{base}/.stand-in/{name}")).unwrap().1).collect();
    assert_eq!(
        kinds,
        ["text/javascript; charset=utf-8", "text/css; charset=utf-8", "text/css; charset=utf-8"]
    );
    // The rest stands as it stood.
    assert!(changed.starts_with("<!-- http --><script src=\"http"), "{changed}");
    assert!(changed.ends_with("<img src=https://example.com/x.png><p>https 世界 http</p>"), "{changed}");
    for same in
        ["", "http", "no address", "<a href=\"https://example.com/?a=1&amp;b=2\">x</a>", "httphttphttp:// x"]
    {
        assert_eq!(with_stand_ins(same, &base), same);
    }
    let nothing = format!("{base}/.stand-in/{}", "https%3A%2F%2Fexample.com%2Fx");
    assert_eq!(found(&deck, &nothing), None);
}

#[test]
fn pages_with_scripts_count_what_they_wait_for_before_those_run() {
    for (page, before) in [
        ("<!DOCTYPE html><html lang=\"en\"><HEAD data-x><script src=\"a.js\"></script>", "<HEAD data-x>"),
        ("<!doctype html>\n<p>One</p><SCRIPT>go()</SCRIPT>", "<!doctype html>"),
        ("<script>document.write('<head>')</script>", ""),
    ] {
        let counted = String::from_utf8(counting(page.as_bytes())).unwrap();
        let start = format!("{before}<script>");
        assert!(counted.contains(&start), "{counted}");
        assert_eq!(counted.find("<script>"), counted.find(&start).map(|at| at + before.len()), "{counted}");
        assert_eq!(counted.replacen(&format!("<script>{PENDING}</script>"), "", 1), page);
    }
    assert_eq!(counting(b"<head></head><p>No script</p>"), b"<head></head><p>No script</p>");
}

#[test]
fn sheets_of_icons_are_bundled_and_no_others() {
    let awesome =
        icon_sheet("https://cdnjs.cloudflare.com/ajax/libs/font-awesome/6.4.0/css/all.min.css").unwrap();
    assert!(awesome.contains("fa-rocket") && awesome.contains("data:font/woff2"));
    assert!(icon_sheet("https://fonts.googleapis.com/icon?family=Material+Icons").is_some());
    for none in [
        "https://fonts.googleapis.com/css2?family=Inter",
        "https://cdn.example/site.css",
        "https://cdn.tailwindcss.com",
        "no address",
    ] {
        assert_eq!(icon_sheet(none), None, "{none}");
    }
}
