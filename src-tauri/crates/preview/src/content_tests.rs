use super::*;

#[test]
fn text_is_declared_as_utf_8_if_it_is() {
    assert_eq!(content_type("index.HTML", "é".as_bytes()), "text/html; charset=utf-8");
    assert_eq!(content_type("a/app.mjs", b""), "text/javascript; charset=utf-8");
    assert_eq!(content_type("data.json", b"{}"), "application/json; charset=utf-8");
    assert_eq!(content_type("a.svg", b"<svg/>"), "image/svg+xml; charset=utf-8");
    assert_eq!(content_type("a.png", b"\x89PNG"), "image/png");
    assert_eq!(content_type("a.woff2", b""), "font/woff2");
    assert_eq!(content_type("a.wasm", b""), "application/wasm");
    assert_eq!(content_type("a.mp3", b""), "audio/mpeg");
    assert_eq!(content_type("LICENSE", b"text"), "application/octet-stream");
}

#[test]
fn text_that_is_cut_within_a_character_is_still_utf_8() {
    assert_eq!(content_type("a.txt", &"字".as_bytes()[..2]), "text/plain; charset=utf-8");
    assert_eq!(content_type("a.txt", b"\xd7\xd6 and more"), "text/plain");
}

#[test]
fn a_page_in_another_encoding_keeps_its_own_declaration() {
    assert_eq!(content_type("a.html", b"<meta charset=\"GBK\"><p>\xd7\xd6</p>"), "text/html; charset=gbk");
    assert_eq!(content_type("a.html", b"<p>\xd7\xd6</p>"), "text/html");
    assert_eq!(content_type("a.html", b"<meta charset=\"\r\nx: y\"><p>\xd7\xd6</p>"), "text/html");
}

#[test]
fn ranges() {
    let cases = [
        (None, 10, Asked::Whole),
        (Some("bytes=0-3"), 10, Asked::Part(0..=3)),
        (Some("bytes=2-"), 10, Asked::Part(2..=9)),
        (Some("bytes=-3"), 10, Asked::Part(7..=9)),
        (Some("bytes=-30"), 10, Asked::Part(0..=9)),
        (Some("bytes=5-99"), 10, Asked::Part(5..=9)),
        (Some("bytes=10-"), 10, Asked::Beyond),
        (Some("bytes=10-12"), 10, Asked::Beyond),
        (Some("bytes=-0"), 10, Asked::Beyond),
        (Some("bytes=0-"), 0, Asked::Beyond),
        (Some("bytes=-1"), 0, Asked::Beyond),
        (Some("bytes=3-2"), 10, Asked::Whole),
        (Some("bytes=0-1,4-5"), 10, Asked::Whole),
        (Some("bytes=+1-2"), 10, Asked::Whole),
        (Some("bytes=-"), 10, Asked::Whole),
        (Some("lines=0-1"), 10, Asked::Whole),
        (Some("bytes=99999999999999999999-"), 10, Asked::Whole),
    ];
    for (header, size, expected) in cases {
        assert_eq!(asked(header, size), expected, "{header:?} of {size}");
    }
}
