//! Lists and tables as pages have them: with signs of their own, readings, round corners, from right to left.

use super::package::Package;
use super::xml::Element;
use super::{Bench, LONG, STYLE};

/// The paragraphs of the shape that says a word, each with what stands before it and its level.
fn paragraphs(slide: &Element, word: &str) -> Vec<String> {
    let shapes = slide.all("p:sp");
    let shape = shapes
        .into_iter()
        .find(|shape| shape.words().contains(word))
        .unwrap_or_else(|| panic!("no shape says {word}: {}", slide.words()));
    shape.all("a:p").into_iter().map(told).collect()
}

/// A paragraph in short: level, marker, words.
fn told(paragraph: &Element) -> String {
    let look = paragraph.all("a:pPr")[0];
    let of = |name: &'static str, key: &str| {
        look.all(name).first().map(|marker| marker.get(key).unwrap_or("1").to_owned())
    };
    let marker = of("a:buChar", "char")
        .or_else(|| of("a:buAutoNum", "type"))
        .or_else(|| look.all("a:buBlip").first().map(|_| "picture".to_owned()))
        .unwrap_or_default();
    format!("{}{marker}|{}", look.get("lvl").unwrap_or_default(), paragraph.words().trim())
}

#[test]
fn lists_with_signs_of_their_own_stay_lists() {
    let bench = Bench::new();
    let page = format!(
        "{STYLE}<style>.own {{ list-style: none; padding: 0; counter-reset: n }} .own li {{ position: relative; padding-left: 30px; counter-increment: n }} .own li::before {{ position: absolute; left: 0 }}\
         .tick li::before {{ content: '✓'; color: #00aa00 }} .count li::before {{ content: counter(n) '.' }} .pad li::before {{ content: counter(n, decimal-leading-zero) }}\
         .dot li::before {{ content: ''; top: 8px; width: 8px; height: 8px; border-radius: 50%; background: #ff0000 }}\
         .row {{ list-style: none; padding: 0 }} .row li {{ display: flex; gap: 10px }} .badge {{ width: 24px; height: 24px; border-radius: 50%; background: #0000ff; color: #fff }}</style>\
         <div class=\"ppt-slide\"><h1>Signs</h1><ul class=\"own tick\"><li>Tick one</li><li>Tick two</li></ul><ol class=\"own count\"><li>Count one</li><li>Count two</li></ol>\
         <ol class=\"own pad\"><li>Pad one</li><li>Pad two</li></ol><ul class=\"own dot\"><li>Dot one</li></ul>\
         <ul><li><p>First</p><p>Goes on</p></li><li>Second</li></ul></div>\
         <div class=\"ppt-slide\"><h1>Rows</h1><ul class=\"row\"><li><svg width=\"20\" height=\"20\"><path d=\"M2 10l6 6L18 4\" fill=\"none\" stroke=\"green\"/></svg><span>Drawn one</span></li><li><svg width=\"20\" height=\"20\"><path d=\"M2 10l6 6L18 4\" fill=\"none\" stroke=\"green\"/></svg><span>Drawn two</span></li></ul>\
         <ul class=\"row\"><li><span class=\"badge\">7</span><span>Badge one</span></li><li><span class=\"badge\">8</span><span>Badge two</span></li></ul>\
         <ul class=\"row\"><li><img src=\"a.png\" width=\"48\" height=\"48\" alt=\"a face\"><span>Face one</span></li><li><img src=\"a.png\" width=\"48\" height=\"48\" alt=\"a face\"><span>Face two</span></li></ul>\
         <ul class=\"row\"><li style=\"justify-content:space-between\"><span>Far</span><span>apart</span></li></ul></div>"
    );
    bench.write("a.png", &super::pixel());
    let done = bench.convert("signs.html", page.as_bytes(), LONG);
    let package = Package::valid("signs.html", &done.pptx.expect(&done.said));
    let first = package.slide(1);
    assert_eq!(paragraphs(first, "Tick one"), ["✓|Tick one", "✓|Tick two"]);
    assert_eq!(paragraphs(first, "Count one"), ["arabicPeriod|Count one", "arabicPeriod|Count two"]);
    assert_eq!(paragraphs(first, "Pad one"), ["|01\tPad one", "|02\tPad two"]);
    assert_eq!(paragraphs(first, "Dot one"), ["•|Dot one"]);
    assert_eq!(paragraphs(first, "Goes on"), ["•|First", "|Goes on", "•|Second"]);
    let second = package.slide(2);
    assert_eq!(paragraphs(second, "Drawn one"), ["picture|Drawn one", "picture|Drawn two"]);
    assert_eq!(paragraphs(second, "Badge one"), ["|Badge one", "|Badge two"], "one text beside its badges");
    assert_eq!(paragraphs(second, "7"), ["|7"]);
    // What stands side by side is no item of a list.
    assert_eq!(paragraphs(second, "Far"), ["|Far"]);
    // A sign is no picture beside the list; a larger picture is one, and stays it.
    assert_eq!(paragraphs(second, "Face one"), ["|Face one", "|Face two"]);
    assert_eq!(second.all("p:pic").len(), 2);
}

#[test]
fn readings_stand_above_their_text_and_break_it_nowhere() {
    let bench = Bench::new();
    let page = format!(
        "{STYLE}<div class=\"ppt-slide\" lang=\"ja\"><h1><ruby>漢字<rt>かんじ</rt></ruby>の本</h1><ul><li>これは<ruby>東京<rt>とうきょう</rt></ruby>です</li><li>次</li></ul>\
         <table><tr><td>表の<ruby>仮名<rp>(</rp><rt>かな</rt><rp>)</rp></ruby></td></tr></table></div>\
         <div class=\"ppt-slide\" dir=\"rtl\"><h1>א</h1><ul><li>אחת<ol><li>פנימי ארוך יותר מכולם ועוד קצת</li></ol></li><li>שתיים</li></ul></div>"
    );
    let done = bench.convert("readings.html", page.as_bytes(), LONG);
    let package = Package::valid("readings.html", &done.pptx.expect(&done.said));
    let slide = package.slide(1);
    assert_eq!(package.facts(1).title.as_deref(), Some("漢字の本"));
    assert_eq!(paragraphs(slide, "これは"), ["•|これは東京です", "•|次"]);
    assert_eq!(slide.all("a:tc")[0].words().trim(), "表の仮名");
    for reading in ["かんじ", "とうきょう", "かな"] {
        assert_eq!(paragraphs(slide, reading), [format!("|{reading}")]);
    }
    // A list that begins at the right is one text, too.
    assert_eq!(paragraphs(package.slide(2), "אחת").len(), 3);
}

#[test]
fn a_tables_grounds_and_lists_are_its_cells_own() {
    let bench = Bench::new();
    let page = format!(
        "{STYLE}<style>table {{ border-collapse: collapse; width: 500px }} td, th {{ padding: 8px; text-align: start }} .card {{ border-radius: 14px; overflow: hidden; width: 500px }}</style>\
         <div class=\"ppt-slide\"><h1>Round</h1><div class=\"card\"><table><thead><tr style=\"background:#112233;color:#fff\"><th>Plan</th><th>Price</th></tr></thead><tbody><tr><th>Free</th><td>For<ul><li>one</li><li>two</li></ul></td></tr><tr><th>Paid</th><td>10</td></tr></tbody></table></div></div>\
         <div class=\"ppt-slide\"><h1>Shaded</h1><table><tr style=\"background:linear-gradient(90deg,#000000,#ffffff)\"><td>a</td><td>b</td></tr></table></div>\
         <div class=\"ppt-slide\" dir=\"rtl\"><h1>א</h1><table><tr><td>א</td><td>ב</td></tr></table></div>"
    );
    let done = bench.convert("tables.html", page.as_bytes(), LONG);
    let package = Package::valid("tables.html", &done.pptx.expect(&done.said));
    let slide = package.slide(1);
    let look = slide.all("a:tblPr")[0];
    assert_eq!((look.get("firstRow"), look.get("firstCol")), (Some("1"), Some("1")));
    let fills = |cell: &Element| {
        let fill = cell.all("a:tcPr")[0].children.iter().find(|part| part.name == "a:solidFill");
        fill.map(|fill| fill.all("a:srgbClr")[0].get("val").unwrap().to_owned())
    };
    let cells = slide.all("a:tc");
    assert_eq!([fills(cells[0]), fills(cells[1])], [Some("112233".to_owned()), Some("112233".to_owned())]);
    assert_eq!(fills(cells[2]), None);
    let list: Vec<_> = cells[3].all("a:p").into_iter().map(told).collect();
    assert_eq!(list, ["|For", "•|one", "•|two"]);
    // The corners of the head are cut by what is behind it, which is white.
    let corners =
        slide.all("p:sp").into_iter().filter(|shape| shape.all("p:cNvPr")[0].get("name") == Some("Corner"));
    let colours: Vec<_> =
        corners.map(|shape| shape.all("a:srgbClr")[0].get("val").unwrap().to_owned()).collect();
    assert_eq!(colours, ["FFFFFF", "FFFFFF"]);
    // Each cell has its part of a gradient along its row.
    let stops: Vec<_> = package
        .slide(2)
        .all("a:gs")
        .iter()
        .map(|stop| stop.all("a:srgbClr")[0].get("val").unwrap().to_owned())
        .collect();
    assert_eq!((stops.len(), stops[0].as_str(), stops[3].as_str()), (4, "000000", "FFFFFF"));
    assert_eq!(stops[1], stops[2]);
    assert!(package.slide(1).all("a:tblPr")[0].get("rtl").is_none());
    assert!(done.said.contains("runs from right to left"), "{}", done.said);
    let first = package.slide(3).all("a:tc")[0].words();
    assert_eq!(first.trim(), "ב", "the columns stand as they are seen");
}
