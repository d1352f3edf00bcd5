use super::*;

fn page(text: &str) -> String {
    String::from_utf8(html(text.as_bytes(), "/t/", "<S>", &|address| address.contains("icons")))
        .expect("stays UTF-8")
}

fn links(text: &str) -> String {
    page(text).replace("<S>", "")
}

fn sheet(text: &str) -> String {
    String::from_utf8(css(text.as_bytes(), "/t/")).expect("stays UTF-8")
}

#[test]
fn the_script_comes_first_without_changing_the_mode_of_the_page() {
    assert_eq!(
        page("<!doctype html>\n<html lang=en><head class=a><script>1</script>"),
        "<!doctype html>\n<html lang=en><head class=a><S><script>1</script>"
    );
    assert_eq!(page("<!doctype html><body>x"), "<!doctype html><S><body>x");
    assert_eq!(page("<!-- <head> --><script src=a></script>"), "<!-- <head> --><S><script src=a></script>");
    assert_eq!(page("\u{feff}<!doctype html><p>"), "\u{feff}<!doctype html><S><p>");
    assert_eq!(page("words <head>"), "<S>words <head>");
    assert_eq!(page(""), "<S>");
    assert_eq!(page("<!doctype html>"), "<!doctype html><S>");
}

#[test]
fn root_relative_links_lead_into_the_preview() {
    assert_eq!(
        links("<a href=\"/b\"><img src=/c.png ALT='/d'><video poster = '/e' src=\" /f\">"),
        "<a href=\"/t/b\"><img src=/t/c.png ALT='/d'><video poster = '/t/e' src=\" /t/f\">"
    );
    assert_eq!(links("<img srcset=\"/a 1x, /b 2x,c 3x\">"), "<img srcset=\"/t/a 1x, /t/b 2x,c 3x\">");
    assert_eq!(
        links("<img srcset='data:image/png;base64,/AA 1x,/b.png, /c.png 2x'>"),
        "<img srcset='data:image/png;base64,/AA 1x,/t/b.png, /t/c.png 2x'>"
    );
    assert_eq!(links("<use xlink:href='/i.svg#a'/>"), "<use xlink:href='/t/i.svg#a'/>");
    assert_eq!(links("<link href=/>"), "<link href=/t/>");
}

#[test]
fn other_links_stay_as_they_are() {
    for text in [
        "<a href=\"b/c\">",
        "<a href='//host/x'>",
        "<a href='/\\host/x'>",
        "<a href='https://host/x'>",
        "<a href='#x' data-href='/x' title=/x>",
        "<a href>",
        "a < b /c",
        "<!-- <a href='/b'> -->",
        "<textarea><a href='/b'></textarea>",
        "<script>const a = '<a href=\"/b\">';</script>",
    ] {
        assert_eq!(links(text), text);
    }
}

#[test]
fn styles_are_rewritten_in_pages_and_sheets() {
    assert_eq!(
        links(
            "<style>a{background:url(/b)}</style><i style=\"background:url('/c')\"><i style='x:url(&quot;/d&quot;)'>"
        ),
        "<style>a{background:url(/t/b)}</style><i style=\"background:url('/t/c')\"><i style='x:url(&quot;/t/d&quot;)'>"
    );
    assert_eq!(
        sheet("@import \"/a.css\";@IMPORT url( '/b.css' );x{y:URL(/c) url(d) url(//e) url(https://f/g)}"),
        "@import \"/t/a.css\";@IMPORT url( '/t/b.css' );x{y:URL(/t/c) url(d) url(//e) url(https://f/g)}"
    );
}

#[test]
fn broken_markup_is_kept_byte_for_byte() {
    for text in [
        "<",
        "<a",
        "<a href",
        "<a href=",
        "<a href=\"",
        "<a href=\"b",
        "<!--",
        "<!",
        "</",
        "<style>a",
        "<script",
        "<a ==x>",
        "<a / / b>",
    ] {
        assert_eq!(links(text), text, "{text}");
    }
}

#[test]
fn other_encodings_survive() {
    let gbk = b"<!doctype html><title>\xd7\xd6\xd2\xbb</title><a href=/\xd7\xd6>";
    let expected = b"<!doctype html><S><title>\xd7\xd6\xd2\xbb</title><a href=/t/\xd7\xd6>";
    assert_eq!(html(gbk, "/t/", "<S>", &|_| false), expected);
    let utf_16 = b"\xff\xfe<\0a\0>\0";
    assert_eq!(html(utf_16, "/t/", "<S>", &|_| false), utf_16);
}

#[test]
fn tailwind_comes_from_the_app_and_not_from_the_network() {
    for address in [
        "https://cdn.tailwindcss.com",
        "http://cdn.tailwindcss.com/3.4.1?plugins=forms",
        "//cdn.jsdelivr.net/npm/@tailwindcss/browser@4",
        "https://cdn.jsdelivr.net/npm/@tailwindcss/browser@4.1.0/dist/index.global.js",
        " https://unpkg.com/@tailwindcss/browser ",
    ] {
        assert_eq!(
            links(&format!("<script defer src=\"{address}\" integrity='sha384-x' crossorigin></script>")),
            "<script defer src=\"/t/.okcvm/tailwind-browser.js\" integrity='' crossorigin></script>",
            "{address}"
        );
    }
    for address in [
        "https://cdn.tailwindcss.com.evil.example/x",
        "https://evil.example/cdn.tailwindcss.com",
        "https://cdn.jsdelivr.net/npm/@tailwindcss/browserify",
        "cdn.tailwindcss.com",
        "ftp://cdn.tailwindcss.com",
    ] {
        let tag = format!("<script src=\"{address}\"></script>");
        assert_eq!(links(&tag), tag);
    }
    // Only a script is replaced.
    let picture = "<img src=\"https://cdn.tailwindcss.com\">";
    assert_eq!(links(picture), picture);
}

#[test]
fn sheets_that_others_stand_in_for_lead_to_these() {
    let place = |address: &str| format!("/t/{}", sheet_place(address));
    let address = "https://cdn.example/icons.css?a&b";
    assert_eq!(
        links("<link rel=stylesheet href=\"https://cdn.example/icons.css?a&amp;b\" integrity=\"sha512-x\">"),
        format!("<link rel=stylesheet href=\"{}\" integrity=\"\">", place(address))
    );
    assert_eq!(links("<link href=//h/icons.css>"), format!("<link href={}>", place("https://h/icons.css")));
    for same in [
        "<link href=https://cdn.example/other.css>",
        "<a href=\"https://h/icons.css\">",
        "<link href=icons.css>",
    ] {
        assert_eq!(links(same), same);
    }
    assert_eq!(sheet_address(&sheet_place(address)).as_deref(), Some(address));
    for wrong in [".okcvm/sheet/zz", ".okcvm/sheet/c3", "sheet/61"] {
        assert_eq!(sheet_address(wrong), None, "{wrong}");
    }
}
