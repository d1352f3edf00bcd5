//! Text that other things stand in or beside: badges, breaks, pictures that lines run around, lines under words.

use super::package::Package;
use super::xml::Element;
use super::{Bench, LONG, STYLE};

/// The shapes of a slide whose own text holds a word.
fn shapes_of<'a>(slide: &'a Element, word: &str) -> Vec<&'a Element> {
    slide.all("p:sp").into_iter().filter(|shape| shape.words().contains(word)).collect()
}

/// The one text box that holds a word.
fn text_of<'a>(slide: &'a Element, word: &str) -> &'a Element {
    let found = shapes_of(slide, word);
    assert_eq!(found.len(), 1, "{word}: {}", slide.words());
    found[0]
}

/// What a text box says, its lines joined by blanks.
fn said(shape: &Element) -> String {
    shape.words().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Where the shapes with a colour stand among the children of the slide, and how many.
fn places(slide: &Element, hex: &str) -> Vec<usize> {
    let tree = slide.all("p:spTree")[0];
    let has = |shape: &Element| {
        shape
            .all("p:spPr")
            .iter()
            .any(|look| look.all("a:srgbClr").iter().any(|colour| colour.get("val") == Some(hex)))
    };
    (0..tree.children.len()).filter(|at| has(&tree.children[*at])).collect()
}

const BADGE: &str = ".badge { display: inline-block; padding: 1px 9px; border-radius: 99px; font-size: 13px; background: #ffcc00 } .dot { display: inline-block; width: 8px; height: 8px; border-radius: 4px; background: #00aa55 }";

#[test]
fn badges_in_a_line_leave_its_text_whole_and_lie_under_it() {
    let bench = Bench::new();
    let page = format!(
        "{STYLE}<style>{BADGE} .side {{ display: inline-flex; align-items: center; gap: 5px; background: #cceeff; padding: 0 6px }}</style>\
         <div class=\"ppt-slide\"><h1>Ready <span class=\"badge\">beta</span> soon</h1>\
         <p>Press <span class=\"badge\">Start</span> and <span class=\"side\"><span class=\"dot\"></span>wait</span> for it.</p>\
         <p>Tags: <span class=\"badge\">one</span> <span class=\"badge\">two</span></p>\
         <ul><li>Alpha <span class=\"badge\">high</span></li><li>Gamma <span class=\"badge\">low</span> rest</li></ul></div>"
    );
    let done = bench.convert("badges.html", page.as_bytes(), LONG);
    let package = Package::valid("badges.html", &done.pptx.expect(&done.said));
    let slide = package.slide(1);
    assert_eq!(package.facts(1).title.as_deref(), Some("Ready beta soon"));
    assert_eq!(said(text_of(slide, "Press")), "Press Start and wait for it.");
    let list = text_of(slide, "Alpha");
    assert_eq!(said(list), "Alpha high Gamma low rest");
    assert_eq!(list.all("a:buChar").len(), 2, "it stays a list");
    // Badges that end a line are shapes with their own text.
    for word in ["one", "two"] {
        assert_eq!(said(text_of(slide, word)), word);
    }
    let tree = &slide.all("p:spTree")[0].children;
    let at = |word: &str| tree.iter().position(|shape| shape.words().contains(word)).unwrap();
    let grounds = places(slide, "FFCC00");
    assert_eq!(grounds.len(), 6);
    assert!(grounds.iter().any(|ground| *ground < at("Press") && *ground > at("Ready")), "under the text");
    assert_eq!(places(slide, "00AA55").len(), 1, "the dot in a badge");
}

#[test]
fn a_cell_with_a_badge_or_a_bar_keeps_its_text() {
    let bench = Bench::new();
    let page = format!(
        "{STYLE}<style>{BADGE} td, th {{ padding: 8px }} tr.head {{ background: linear-gradient(90deg, #112233, #445566); color: #fff }} tr.odd {{ background: #eef2f7 }} \
         .who {{ display: flex; gap: 8px; align-items: center }} .face {{ width: 34px; height: 34px; border-radius: 17px; background: #7733ff; color: #fff; display: flex; align-items: center; justify-content: center }} .bar {{ width: 100px; height: 8px; background: #ff3377 }}</style>\
         <div class=\"ppt-slide\"><h1>Table</h1><table><tr class=\"head\"><th>Name</th><th>State</th><th>Part</th></tr>\
         <tr class=\"odd\"><td><div class=\"who\"><div class=\"face\">AB</div><div><div>Ada Byron</div><div>Analyst</div></div></div></td><td>Since May <span class=\"badge\">active</span></td><td><div class=\"bar\"></div></td></tr></table></div>"
    );
    let done = bench.convert("cells.html", page.as_bytes(), LONG);
    let package = Package::valid("cells.html", &done.pptx.expect(&done.said));
    let slide = package.slide(1);
    let cells: Vec<String> = slide.all("a:tc").into_iter().map(said).collect();
    assert_eq!(cells, ["Name", "State", "Part", "Ada Byron Analyst", "Since May active", ""]);
    let tree = &slide.all("p:spTree")[0].children;
    let table = tree.iter().position(|shape| shape.name == "p:graphicFrame").unwrap();
    for (hex, is_under) in [("FFCC00", true), ("FF3377", false)] {
        let [at] = places(slide, hex)[..] else { panic!("{hex}") };
        assert_eq!(at < table, is_under, "{hex}");
    }
    // The round with the initials is a shape of its own with them.
    assert_eq!(said(text_of(slide, "AB")), "AB");
    // Each cell of the head has its part of the gradient that runs through the row.
    assert_eq!(slide.all("a:tbl")[0].all("a:gradFill").len(), 3);
    assert_eq!(places(slide, "112233").len(), 0, "nothing lies under it");
}

#[test]
fn breaks_and_pictures_that_lines_run_around_keep_a_text_in_one_box() {
    let bench = Bench::new();
    let words =
        "Words that fill lines until they have come below what stands beside them, and then some more. "
            .repeat(3);
    let page = format!(
        "{STYLE}<style>.box {{ display: flex; width: 160px; height: 70px; background: #3366ff; align-items: center; justify-content: center; text-align: center }} p {{ position: absolute; width: 420px; line-height: 24px; margin: 0 }} \
         .drop::first-letter {{ float: left; font-size: 60px; line-height: 48px; padding-right: 8px }} .beside {{ float: left; width: 120px; height: 60px; margin-right: 10px; background: #00cc99 }}</style>\
         <div class=\"ppt-slide\"><h1>Flow</h1><div class=\"box\">Start<br>here</div><p class=\"drop\" style=\"left:30px;top:220px\">Quick. {words}</p>\
         <p style=\"left:530px;top:220px\"><span class=\"beside\"></span>Beside. {words}</p></div>"
    );
    let done = bench.convert("flow.html", page.as_bytes(), LONG);
    let package = Package::valid("flow.html", &done.pptx.expect(&done.said));
    let slide = package.slide(1);
    let label = text_of(slide, "Start");
    assert_eq!(label.all("a:t").iter().map(|run| run.text.as_str()).collect::<Vec<_>>(), ["Start", "here"]);
    assert_eq!(label.all("a:br").len(), 1);
    for (word, wanted) in [("uick.", 40..70), ("Beside.", 125..135)] {
        let margins: Vec<i64> = text_of(slide, word)
            .all("a:pPr")
            .iter()
            .map(|look| look.get("marL").unwrap().parse::<i64>().unwrap() / 9525)
            .collect();
        let [beside, 0] = margins[..] else { panic!("{word}: {margins:?}") };
        assert!(wanted.contains(&beside), "{word}: {margins:?}");
    }
}

#[test]
fn raised_letters_and_lists_from_the_right_keep_their_line() {
    let bench = Bench::new();
    let page = format!(
        "{STYLE}<div class=\"ppt-slide\"><h1 style=\"font-size:40px\">Raised<sup style=\"font-size:14px\">1</sup> and on</h1>\
         <ul dir=\"rtl\" style=\"padding-right:40px;margin:0;width:400px\"><li>אחת</li><li>שתיים</li></ul></div>"
    );
    let done = bench.convert("raised.html", page.as_bytes(), LONG);
    let package = Package::valid("raised.html", &done.pptx.expect(&done.said));
    let slide = package.slide(1);
    // The blank after a raised letter is as large as the text around it.
    let sizes: Vec<_> =
        text_of(slide, "Raised").all("a:rPr").iter().map(|run| run.get("sz").unwrap().to_owned()).collect();
    assert_eq!(sizes.iter().filter(|size| size.as_str() != "3000").count(), 1, "{sizes:?}");
    // Its marker stands at the right, and the text begins at its left.
    let list = text_of(slide, "אחת");
    let look = list.all("a:pPr")[0];
    let margin: i64 = look.get("marL").unwrap().parse().unwrap();
    assert_eq!((look.get("rtl"), look.get("indent")), (Some("1"), Some(format!("{}", -margin).as_str())));
    assert!(margin > 0);
}

#[test]
fn lines_under_words_and_between_columns_are_drawn_and_mixed_grounds_are_named() {
    let bench = Bench::new();
    let page = format!(
        "{STYLE}<style>.under {{ text-decoration: underline wavy #ff0055 }} .columns {{ columns: 2; column-gap: 40px; column-rule: 2px solid #0055aa; width: 400px }} \
         .mixed {{ position: absolute; left: 600px; top: 300px; width: 200px; height: 100px; background: linear-gradient(#ff0000, #00ff00) #8888ff; background-blend-mode: multiply }}</style>\
         <div class=\"ppt-slide\"><h1>Lines</h1><div style=\"position:absolute;left:40px;top:440px;width:100px;height:40px;padding:10px;background:#00bbcc content-box\"></div><table><colgroup><col><col style=\"background:#fedcba\"></colgroup><tr><td>One<td>Two<td style=\"writing-mode:vertical-rl\">Upright</tr></table><p>Some <span class=\"under\">marked</span> words</p><div class=\"columns\">{}</div><div class=\"mixed\"></div>\
         <svg width=\"200\" height=\"100\" viewBox=\"0 0 200 100\" style=\"position:absolute;left:600px;top:100px\"><defs><clipPath id=\"r\"><circle cx=\"50\" cy=\"50\" r=\"40\"/></clipPath></defs>\
         <g clip-path=\"url(#r)\"><rect width=\"200\" height=\"50\" fill=\"#aa1111\"/><rect y=\"50\" width=\"200\" height=\"50\" fill=\"#11aa11\"/></g><text x=\"120\" y=\"50\">label</text></svg></div>",
        "Text in two columns. ".repeat(10)
    );
    let done = bench.convert("lines.html", page.as_bytes(), LONG);
    let package = Package::valid("lines.html", &done.pptx.expect(&done.said));
    let slide = package.slide(1);
    let marked = slide.all("a:rPr").into_iter().find(|run| run.get("u").is_some()).unwrap();
    assert_eq!(marked.get("u"), Some("wavy"));
    assert_eq!(marked.all("a:uFill")[0].all("a:srgbClr")[0].get("val"), Some("FF0055"));
    assert_eq!(places(slide, "0055AA").len(), 1, "the line between two columns");
    // What a circle cuts out of a drawing is native.
    for hex in ["AA1111", "11AA11"] {
        let of =
            |shape: &&&Element| shape.all("a:srgbClr").iter().any(|colour| colour.get("val") == Some(hex));
        let shapes = slide.all("p:grpSp")[0].all("p:sp");
        let size = shapes.iter().find(of).unwrap_or_else(|| panic!("{hex}")).all("a:ext")[0];
        let [wide, high] = ["cx", "cy"].map(|key| size.get(key).unwrap().parse::<f64>().unwrap() / 9525.0);
        assert!((wide - 80.0).abs() < 1.0 && (high - 40.0).abs() < 1.0, "{hex}: {wide} × {high}");
    }
    // A ground within the padding is as large as the content.
    let [at] = places(slide, "00BBCC")[..] else { panic!("one box") };
    assert_eq!(slide.all("p:spTree")[0].children[at].all("a:ext")[0].get("cx"), Some("952500"));
    let cells = slide.all("a:tc");
    let filled =
        |cell: &Element| cell.all("a:srgbClr").iter().any(|colour| colour.get("val") == Some("FEDCBA"));
    assert_eq!(
        cells.iter().map(|cell| filled(cell)).collect::<Vec<_>>(),
        [false, true, false],
        "the column's ground"
    );
    assert_eq!(text_of(slide, "Upright").all("a:bodyPr")[0].get("vert"), Some("vert"));
    let told = &done.fidelity.unwrap().slides[0];
    let reasons: Vec<_> = told.pictured.iter().map(|part| part.why.as_str()).collect();
    assert_eq!(reasons, ["background blend mode multiply"]);
}

#[test]
fn what_a_page_waits_for_is_waited_for() {
    let bench = Bench::new();
    bench.write("numbers.json", b"{\"total\": 1480}");
    let page = format!(
        "<!doctype html><html><head>{STYLE}</head><body><div class=\"ppt-slide\"><h1>Later</h1><p id=\"late\">not yet</p><p id=\"read\">not read</p></div>\
         <script>setTimeout(() => {{ late.textContent = 'drawn at last'; setTimeout(() => fetch('numbers.json').then((all) => all.json()).then((all) => {{ read.textContent = 'total ' + all.total; }}), 700); }}, 1100);\
         (function again() {{ setTimeout(again, 100); }})();</script></body></html>"
    );
    let done = bench.convert("later.html", page.as_bytes(), LONG);
    let package = Package::valid("later.html", &done.pptx.expect(&done.said));
    let words = package.slide(1).words();
    assert!(words.contains("drawn at last") && words.contains("total 1480"), "{words}");
    let told = &done.fidelity.unwrap().slides[0];
    assert!(told.simplified.is_empty(), "{:?}", told.simplified);
}

#[test]
fn fonts_of_the_page_and_places_that_look_otherwise_are_named() {
    let bench = Bench::new();
    let page = format!(
        "{STYLE}<style>@font-face {{ font-family: \"Deck Face\"; src: local(\"Liberation Mono\"), local(\"Courier New\"), local(\"Menlo\") }} .own {{ font-family: \"Deck Face\", serif }} \
         .mirrored {{ position: absolute; left: 60px; top: 80px; width: 280px; height: 140px; background: #aa0000; -webkit-box-reflect: below }}</style>\
         <div class=\"ppt-slide\"><h1>Plain</h1></div><div class=\"ppt-slide\"><h1>Own</h1><p class=\"own\">Words</p></div>\
         <div class=\"ppt-slide\"><h1>Mirror</h1><div class=\"mirrored\"></div></div>"
    );
    let done = bench.convert("named.html", page.as_bytes(), LONG);
    Package::valid("named.html", &done.pptx.expect(&done.said));
    let told = done.fidelity.unwrap().slides;
    assert!(told[0].simplified.is_empty(), "{:?}", told[0].simplified);
    assert!(
        told[1].simplified.iter().any(|words| words.contains("the font Deck Face comes with the page")),
        "{:?}",
        told[1]
    );
    let strange = told[2].simplified.join("; ");
    assert!(strange.contains("it looks unlike its page (") && strange.contains("left"), "{strange}");
    assert!(done.said.contains("Slide 3: it looks unlike its page"), "{}", done.said);
}

#[test]
fn what_reaches_over_a_slide_is_not_scrolled_to_and_boxes_are_broken_as_their_text_is() {
    let bench = Bench::new();
    let page = format!(
        "{STYLE}<style>.low {{ position: absolute; left: 100px; top: 400px; width: 300px; height: 400px; background: repeating-linear-gradient(45deg, #2244aa 0 9px, #77aaff 9px 18px) }} \
         .glass {{ position: absolute; left: 150px; top: 450px; width: 160px; height: 60px; backdrop-filter: blur(5px); background: rgba(255,255,255,.4) }} \
         .columns {{ columns: 2; column-gap: 40px; width: 600px; height: 100px; column-fill: auto }} .quote {{ margin: 0; padding-left: 12px; line-height: 25px; border-left: 4px solid #cc5500 }}</style>\
         <div class=\"ppt-slide\"><h1>In its place</h1><div class=\"low\"></div><div class=\"glass\">Glass</div></div>\
         <div class=\"ppt-slide\"><h1>Broken</h1><div class=\"columns\"><div style=\"height:50px\">Above.</div><div class=\"quote\">One<br>two<br>three</div></div></div>"
    );
    let done = bench.convert("place.html", page.as_bytes(), LONG);
    let package = Package::valid("place.html", &done.pptx.expect(&done.said));
    let top = |shape: &Element, key: &str| {
        let (name, key) = key.split_once(' ').unwrap();
        shape.all(name)[0].get(key).unwrap().parse::<i64>().unwrap() / 9525
    };
    let title = text_of(package.slide(1), "In its place");
    assert!((0..60).contains(&top(title, "a:off y")), "{}", top(title, "a:off y"));
    let slide = package.slide(2);
    let bars: Vec<_> = places(slide, "CC5500")
        .into_iter()
        .map(|at| &slide.all("p:spTree")[0].children[at])
        .map(|bar| (top(bar, "a:off x"), top(bar, "a:ext cy")))
        .collect();
    assert_eq!(bars, [(0, 50), (320, 25)], "a border for each column");
}
