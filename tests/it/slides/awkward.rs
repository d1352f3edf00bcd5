//! Pages as people and models write them: with scripts that go on, slides that hide each other, fields, and pieces that
//! have no plain counterpart.

use super::package::Package;
use super::xml::Element;
use super::{Bench, LONG, STYLE, pixel};

/// The lines of text of a slide.
fn lines(slide: &Element) -> Vec<String> {
    slide.words().lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
}

/// The shapes and pictures of a slide whose alternative text or name, or own text, holds a word.
fn shape_of<'a>(slide: &'a Element, word: &str) -> &'a Element {
    let shapes = slide.all("p:sp");
    shapes
        .into_iter()
        .find(|shape| shape.words().contains(word))
        .unwrap_or_else(|| panic!("no shape says {word}: {}", slide.words()))
}

#[test]
fn a_page_that_moves_is_measured_when_it_has_come_to_rest() {
    let bench = Bench::new();
    let page = format!(
        "{STYLE}<style>.in {{ opacity: 0; transition: opacity .3s }} .seen .in {{ opacity: 1 }} .never {{ opacity: 0 }}</style>\
         <script src=\"https://cdn.example.com/charts.js\"></script>\
         <div class=\"ppt-slide\"><h1>Counted</h1><p id=\"count\">0</p></div>\
         <div class=\"ppt-slide reveal\"><h2 class=\"in\">Revealed</h2><p class=\"never\">Never seen words</p></div>\
         <script>let at = 0; const timer = setInterval(() => {{ at += 74; count.textContent = at; if (at >= 1480) clearInterval(timer); }}, 40);\
         new IntersectionObserver((all) => all.forEach((each) => each.isIntersecting && each.target.classList.add('seen'))).observe(document.querySelector('.reveal'));\
         setTimeout(() => document.body.insertAdjacentHTML('beforeend', ''), 10);</script>\
         <div style=\"height:3000px\"></div>"
    );
    let done = bench.convert("moving.html", page.as_bytes(), LONG);
    let package = Package::valid("moving.html", &done.pptx.expect(&done.said));
    assert_eq!(lines(package.slide(1)), ["Counted", "1480"]);
    assert_eq!(lines(package.slide(2)), ["Revealed"]);
    let told = done.fidelity.unwrap();
    let first = told.slides[0].simplified.join("\n");
    assert!(first.contains("https://cdn.example.com/charts.js could not be loaded"), "{first}");
    assert!(told.slides[1].simplified.iter().any(|words| words.contains("Never seen words")), "{told:?}");
}

#[test]
fn what_an_animation_leaves_is_what_is_shown() {
    let bench = Bench::new();
    let page = format!(
        "{STYLE}<style>@keyframes in {{ to {{ opacity: 1 }} }} @keyframes grow {{ to {{ width: 400px }} }} @keyframes from {{ from {{ opacity: 0 }} }} \
         .in {{ opacity: 0; animation: in .6s forwards .3s }} .bar {{ width: 0; height: 30px; background: #2563eb; animation: grow 1s both }} \
         .from {{ animation: from .5s 1s both }} .back {{ opacity: 0; animation: in .4s }}</style>\
         <div class=\"ppt-slide\"><h1 class=\"from\">Entered</h1><p class=\"in\">Faded in</p><div class=\"bar\"></div><p class=\"back\">Gone again</p></div>"
    );
    let done = bench.convert("entering.html", page.as_bytes(), LONG);
    let package = Package::valid("entering.html", &done.pptx.expect(&done.said));
    let slide = package.slide(1);
    assert_eq!(lines(slide), ["Entered", "Faded in"]);
    let bar = slide
        .all("p:sp")
        .into_iter()
        .find(|shape| !shape.all("a:srgbClr").is_empty() && shape.words().trim().is_empty());
    let [_, _, width, height] = place(bar.expect("the bar"));
    assert!((width - 400.0).abs() < 1.0 && (height - 30.0).abs() < 1.0, "{width} {height}");
    assert!(done.fidelity.unwrap().slides[0].simplified.iter().any(|words| words.contains("Gone again")));
}

#[test]
fn what_the_page_cuts_off_is_named() {
    let bench = Bench::new();
    let page = format!(
        "{STYLE}<div class=\"ppt-slide\"><div style=\"width:200px;height:40px;overflow:hidden;font-size:16px;line-height:20px\">First line<br>Second line<br>Third line<br></div>\
         <p style=\"width:150px;overflow:hidden;text-overflow:ellipsis;white-space:nowrap\">A long sentence that ends in dots</p><p>Whole</p></div>\
         <div class=\"ppt-slide\"><div style=\"height:20px;overflow:hidden;font-size:16px;line-height:20px\">{}</div></div>",
        (0..60).map(|line| line.to_string()).collect::<Vec<_>>().join("<br>Line ")
    );
    let done = bench.convert("cut.html", page.as_bytes(), LONG);
    let package = Package::valid("cut.html", &done.pptx.expect(&done.said));
    let shown = lines(package.slide(1)).join("\n");
    assert!(shown.contains("Second line") && !shown.contains("Third") && shown.contains('…'), "{shown}");
    let slides = done.fidelity.unwrap().slides;
    // A long list is not told line by line.
    let many = slides[1].simplified.iter().filter(|words| words.contains("cuts off"));
    assert_eq!(many.count(), 6, "{:?}", slides[1].simplified);
    let told = &slides[0].simplified;
    let cut: Vec<&str> = told
        .iter()
        .filter_map(|words| words.strip_prefix("text that the page cuts off left out: "))
        .collect();
    assert_eq!(cut.len(), 2, "{told:?}");
    assert!(cut.contains(&"\"Third line\"") && cut.iter().any(|words| words.ends_with("dots\"")), "{cut:?}");
}

#[test]
fn wide_slides_of_a_page_from_right_to_left_are_seen_whole() {
    let bench = Bench::new();
    let slide = "<div class=\"ppt-slide\"><h1>Words</h1></div>";
    let dark = "<div class=\"ppt-slide\" style=\"background:#246\"><h2 style=\"color:#fff\">Dark</h2></div>";
    let page = format!(
        "<html dir=\"rtl\"><meta charset=\"utf-8\"><style>.ppt-slide {{ width: 1280px; height: 720px; background: #fff; padding: 60px; \
         position: relative; overflow: hidden; box-sizing: border-box }}</style>{slide}{slide}{dark}</html>"
    );
    let done = bench.convert("wide.html", page.as_bytes(), LONG);
    Package::valid("wide.html", &done.pptx.expect(&done.said));
    for slide in done.fidelity.unwrap().slides {
        assert!(slide.similarity.unwrap() > 0.9, "{slide:?}");
    }
}

#[test]
fn slides_that_hide_each_other_are_each_shown_as_the_first_is() {
    let bench = Bench::new();
    let slide = |class: &str, words: &str| {
        format!("<section class=\"ppt-slide {class}\"><h1>{words}</h1><div class=\"dot\"></div></section>")
    };
    let page = format!(
        "{STYLE}<style>.deck {{ position: relative; width: 1024px; height: 576px; overflow: hidden }} .ppt-slide {{ position: absolute; inset: 0; display: none; }} \
         .ppt-slide.active {{ display: flex; align-items: center; justify-content: center }} \
         .dot {{ position: absolute; left: 0; top: 0; width: 80px; height: 80px; background: conic-gradient(red, blue) }}</style>\
         <div class=\"deck\">{}{}{}</div>",
        slide("active", "One"),
        slide("", "Two"),
        slide("", "Three")
    );
    let done = bench.convert("stacked.html", page.as_bytes(), LONG);
    let package = Package::valid("stacked.html", &done.pptx.expect(&done.said));
    let place = |number: usize, word: &str| {
        let at = shape_of(package.slide(number), word).all("a:off")[0].clone();
        [at.get("x").unwrap().parse::<i64>().unwrap(), at.get("y").unwrap().parse::<i64>().unwrap()]
    };
    let [_, first] = place(1, "One");
    for (number, word) in [(2, "Two"), (3, "Three")] {
        let [_, top] = place(number, word);
        assert!((top - first).abs() < 20_000, "{word} stands at {top}, the first at {first}");
    }
    for told in done.fidelity.unwrap().slides {
        assert!(told.similarity.is_some_and(|alike| alike > 0.97), "{told:?}");
    }
    // Each slide's own picture is drawn, none is blank.
    for media in package.media() {
        let drawn = image::load_from_memory(media).unwrap().to_rgba8();
        assert!(drawn.pixels().filter(|pixel| pixel.0[3] > 200).count() > 1000, "a blank picture");
    }
}

#[test]
fn slides_of_another_size_are_brought_onto_the_page() {
    let bench = Bench::new();
    let page = format!(
        "{STYLE}<div class=\"ppt-slide\"><h1>As it should be</h1></div><div class=\"ppt-slide\"><h1>Another</h1></div>\
         <div class=\"ppt-slide\" style=\"width:1280px;height:720px\"><h1>Larger</h1><p style=\"position:absolute;right:20px;bottom:20px\">In the corner</p></div>\
         <div class=\"ppt-slide\" style=\"height:0\"><h1>Of no height</h1></div>\
         <div class=\"ppt-slide\"><ul>{}</ul></div>",
        (1..=40).map(|number| format!("<li>Point {number} of many</li>")).collect::<Vec<_>>().concat()
    );
    let done = bench.convert("sizes.html", page.as_bytes(), LONG);
    let package = Package::valid("sizes.html", &done.pptx.expect(&done.said));
    let corner = shape_of(package.slide(3), "In the corner");
    let number = |name: &str, key: &str| corner.all(name)[0].get(key).unwrap().parse::<i64>().unwrap();
    let page = &package.tree("ppt/presentation.xml").all("p:sldSz")[0].clone();
    let wide: i64 = page.get("cx").unwrap().parse().unwrap();
    assert!(number("a:off", "x") + number("a:ext", "cx") <= wide, "it lies on the page");
    assert_eq!(lines(package.slide(4)), ["Of no height"]);
    let told = done.fidelity.unwrap();
    assert!(told.slides[2].simplified[0].contains("1280 × 720"), "{:?}", told.slides[2].simplified);
    // What reaches beyond the page is kept and named.
    assert!(package.slide(5).words().contains("Point 40 of many"));
    assert!(!told.slides[4].outside.is_empty());
}

#[test]
fn fields_and_folds_and_formulas_are_what_a_reader_sees() {
    let bench = Bench::new();
    let page = format!(
        "{STYLE}<div class=\"ppt-slide\"><h1>Fields</h1><input type=\"password\" value=\"hunter2\"><textarea rows=\"3\" cols=\"20\">First line\nsecond line</textarea>\
         <input type=\"submit\"><details><summary>Question</summary><p>The hidden answer</p></details>\
         <span style=\"position:absolute;width:1px;height:1px;overflow:hidden;clip:rect(0 0 0 0)\">For screen readers</span>\
         <math><mfrac><mi>a</mi><mi>b</mi></mfrac></math></div>"
    );
    let done = bench.convert("fields.html", page.as_bytes(), LONG);
    let package = Package::valid("fields.html", &done.pptx.expect(&done.said));
    let slide = package.slide(1);
    let words = slide.words();
    assert!(!package.holds(b"hunter2"), "a password in clear");
    for gone in ["The hidden answer", "For screen readers"] {
        assert!(!words.contains(gone), "{words}");
    }
    assert!(words.contains("•••••••") && words.contains("Submit") && words.contains("Question"), "{words}");
    let area = shape_of(slide, "First line");
    assert_eq!(area.all("a:br").len(), 1, "its lines are those of the field: {words}");
    let told = &done.fidelity.unwrap().slides[0];
    assert_eq!(told.pictured.iter().map(|part| part.why.as_str()).collect::<Vec<_>>(), ["formula"]);
    assert_eq!(slide.all("p:pic")[0].all("p:cNvPr")[0].get("descr"), Some("ab"));
}

#[test]
fn lists_count_on_links_stay_buttons_and_cuts_are_cut() {
    let bench = Bench::new();
    let page = format!(
        "{STYLE}<style>.chevron {{ position: absolute; left: 40px; top: 300px; width: 220px; height: 60px; padding: 18px 50px; box-sizing: border-box; background: #cc3300; clip-path: polygon(0 0, 85% 0, 100% 50%, 85% 100%, 0 100%, 15% 50%) }}\
         .card {{ position: absolute; left: 300px; top: 300px; width: 200px; height: 100px; overflow: hidden; border-radius: 20px }} .ribbon {{ position: absolute; right: -40px; top: 15px; width: 160px; height: 24px; background: #00aa00; transform: rotate(45deg) }}\
         .side {{ position: absolute; left: 560px; top: 300px; width: 200px; height: 60px; border-radius: 12px; border: 1px solid #dddddd; border-left: 5px solid #0000ff; background: #fff }}\
         .strip {{ position: absolute; left: 0; top: 500px; width: 1000px; height: 8px; background: radial-gradient(circle, #ff0000, #0000ff) }}</style>\
         <div class=\"ppt-slide\"><h1>Odds and ends</h1><ol><li>One</li><li>Two</li><li>Three</li></ol><ul><li><p>In a block</p><p>and more</p></li></ul>\
         <a href=\"https://example.com/go\" style=\"text-decoration:none;background:#123456;color:#fff;padding:8px;display:inline-block\">Press</a> <a href=\"mailto:a b@example.com\">a letter</a> <a href=\"http://[nowhere\">nowhere</a>\
         <div class=\"chevron\">Step</div><div class=\"card\"><div class=\"ribbon\"></div></div><div class=\"side\">Card</div><div class=\"strip\"></div>\
         <table><tr><td></td></tr></table>\
         <svg width=\"100\" height=\"100\" viewBox=\"0 0 100 100\" style=\"position:absolute;left:800px;top:300px\"><circle cx=\"50\" cy=\"50\" r=\"15.9155\" fill=\"none\" stroke=\"#654321\" stroke-width=\"8\" stroke-dasharray=\"60 40\" stroke-dashoffset=\"25\"/></svg>\
         <img src=\"photo.png\" width=\"40\" height=\"20\" style=\"position:absolute;left:900px;top:20px;box-shadow:0 4px 12px rgba(0,0,0,.5)\" alt=\"\"></div>"
    );
    // A picture whose name says something else than its bytes.
    let mut bitmap = std::io::Cursor::new(Vec::new());
    image::DynamicImage::new_rgb8(4, 2).write_to(&mut bitmap, image::ImageFormat::Bmp).unwrap();
    bench.write("photo.png", bitmap.get_ref());
    let done = bench.convert("odds.html", page.as_bytes(), LONG);
    let package = Package::valid("odds.html", &done.pptx.expect(&done.said));
    let slide = package.slide(1);
    // One list that counts on, so that an item more between them moves the rest.
    let numbers = slide.all("a:buAutoNum");
    assert_eq!(numbers.len(), 3);
    assert!(numbers.iter().all(|number| number.get("startAt").is_none()), "{numbers:?}");
    assert_eq!(shape_of(slide, "In a block").all("a:buChar").len(), 1, "the bullet of a block in an item");
    let button = shape_of(slide, "Press");
    assert_eq!(button.all("p:cNvPr")[0].all("a:hlinkClick").len(), 1, "the box is the link");
    assert!(
        button.all("a:r").iter().all(|run| run.all("a:hlinkClick").is_empty()),
        "and no text is underlined"
    );
    let links = package.links(1);
    assert!(links.contains(&("a letter".to_owned(), "mailto:a%20b@example.com".to_owned())), "{links:?}");
    assert!(links.iter().all(|(_, target)| !target.contains('[')), "{links:?}");
    // The chevron is a form with its text, not a picture.
    assert!(slide.words().contains("Step"));
    let red =
        |hex: &str| slide.all("a:srgbClr").iter().filter(|colour| colour.get("val") == Some(hex)).count();
    assert_eq!(red("CC3300"), 1);
    // The ribbon ends where its card does.
    let ribbon = slide
        .all("p:sp")
        .into_iter()
        .find(|shape| shape.all("a:srgbClr").iter().any(|colour| colour.get("val") == Some("00AA00")))
        .unwrap();
    let [left, wide] = [("a:off", "x"), ("a:ext", "cx")]
        .map(|(name, key)| ribbon.all(name)[0].get(key).unwrap().parse::<i64>().unwrap());
    assert!(left + wide <= 500 * 9525 + 9525, "{left} + {wide}");
    // A gradient across a strip runs along it.
    assert_eq!(slide.all("a:lin").len(), 1);
    // The ring shows its part of 60 in two pieces: the dash begins before the start of the circle.
    let pieces = slide
        .all("a:ln")
        .iter()
        .filter(|line| !line.all("a:srgbClr").is_empty())
        .filter(|line| line.all("a:srgbClr")[0].get("val") == Some("654321"))
        .count();
    assert_eq!(pieces, 2);
    let told = &done.fidelity.unwrap().slides[0];
    assert_eq!(told.pictured.len(), 0, "{:?}", told.pictured);
    assert_eq!(told.missing.len(), 0, "{:?}", told.missing);
    let [picture] = package.media().try_into().unwrap();
    assert!(picture.starts_with(b"\x89PNG"), "drawn as what it is");
    assert_eq!(slide.all("p:pic")[0].all("a:outerShdw").len(), 1);
}

/// Where a shape or picture lies: left, top, width, height in CSS pixels.
fn place(shape: &Element) -> [f64; 4] {
    let of = |name: &str, key: &str| shape.all(name)[0].get(key).unwrap().parse::<f64>().unwrap() / 9525.0;
    [of("a:off", "x"), of("a:off", "y"), of("a:ext", "cx"), of("a:ext", "cy")]
}

#[test]
fn what_is_scaled_or_turned_in_a_frame_ends_with_it_and_lies_under_its_caption() {
    let bench = Bench::new();
    let page = format!(
        "{STYLE}<style>figure {{ position: absolute; top: 130px; width: 300px; height: 200px; margin: 0; overflow: hidden; border-radius: 16px }} img {{ width: 100%; height: 100% }} figcaption {{ position: absolute; bottom: 0; left: 0; right: 0 }}</style>\
         <div class=\"ppt-slide\"><h1>Frames</h1>\
         <figure style=\"left:40px\"><img src=\"a.png\" alt=\"grown\" style=\"transform:scale(1.3)\"><figcaption>over it</figcaption></figure>\
         <figure style=\"left:360px\"><img src=\"a.png\" alt=\"mirrored\" style=\"transform:scaleX(-1.5)\"></figure>\
         <figure style=\"left:680px\"><img src=\"a.png\" alt=\"turned\" style=\"transform:rotate(30deg)\"><b style=\"position:absolute;left:400px;transform:rotate(5deg)\">beyond</b></figure></div>"
    );
    bench.write("a.png", &pixel());
    let done = bench.convert("frames.html", page.as_bytes(), LONG);
    let package = Package::valid("frames.html", &done.pptx.expect(&done.said));
    let slide = package.slide(1);
    let picture = |alt: &str| {
        let all = slide.all("p:pic");
        all.into_iter().find(|picture| picture.all("p:cNvPr")[0].get("descr") == Some(alt)).unwrap()
    };
    assert_eq!(place(picture("grown")).map(|edge| edge.round() as i64), [40, 130, 300, 200]);
    assert_eq!(picture("grown").all("a:prstGeom")[0].get("prst"), Some("roundRect"));
    assert_eq!(place(picture("mirrored")).map(|edge| edge.round() as i64), [360, 130, 300, 200]);
    // A turned one is cut in its own form.
    assert_eq!(picture("turned").all("a:custGeom").len(), 1);
    assert!(!slide.words().contains("beyond"), "what lies outside is not there: {}", slide.words());
    // The picture stands before its caption, so that it lies under it.
    let number = |shape: &Element| shape.all("p:cNvPr")[0].get("id").unwrap().parse::<u32>().unwrap();
    assert!(number(picture("grown")) < number(shape_of(slide, "over it")));
}

#[test]
fn a_title_has_the_room_of_its_block() {
    let bench = Bench::new();
    let page = format!(
        "{STYLE}<style>.ppt-slide {{ padding: 40px; box-sizing: border-box }}</style>\
         <div class=\"ppt-slide\"><h1>Lists</h1><p>Words.</p></div>\
         <div class=\"ppt-slide\"><h1 style=\"position:absolute;left:60px;top:40px;margin:0\">Lists</h1><p style=\"position:absolute;left:700px;top:40px\">beside it</p></div>\
         <div class=\"ppt-slide\"><h1 style=\"text-align:center\">Lists</h1></div>\
         <div class=\"ppt-slide\" dir=\"rtl\"><h1>\u{5d0}\u{5d1}\u{5d2}</h1></div>"
    );
    let done = bench.convert("titles.html", page.as_bytes(), LONG);
    let package = Package::valid("titles.html", &done.pptx.expect(&done.said));
    let title = |number: usize| {
        let all = package.slide(number).all("p:sp");
        let shape = all.into_iter().find(|shape| !shape.all("p:ph").is_empty()).unwrap();
        let [left, _, wide, _] = place(shape).map(f64::round);
        (left, left + wide)
    };
    assert_eq!(title(1), (40.0, 984.0), "that of the block");
    assert_eq!(title(2), (60.0, 692.0), "up to what stands beside it");
    assert_eq!(title(3), (40.0, 984.0), "about its middle");
    assert_eq!(title(4), (40.0, 984.0), "to the left, from where it begins");
}

#[test]
fn what_nobody_can_read_is_named_and_left_out() {
    let bench = Bench::new();
    let page = format!(
        "{STYLE}<div class=\"ppt-slide\"><h1>Seen</h1><p style=\"color:#fff\">white on white</p><p style=\"font-size:1px\">tiny words</p>\
         <div style=\"background:#222;color:#fff\">white on dark</div><div style=\"position:relative;height:80px\"><div style=\"position:absolute;inset:0;background:#00f\"></div><p style=\"position:relative;color:#fff\">white over a box</p></div>\
         <p style=\"display:-webkit-box;-webkit-line-clamp:1;-webkit-box-orient:vertical;overflow:hidden;width:200px\">A text that is clamped after its first line and never says this</p>\
         <p lang=\"zh\">有<em style=\"font-style:normal;text-emphasis:filled sesame #ff0000\">着重</em>号</p></div>"
    );
    let done = bench.convert("read.html", page.as_bytes(), LONG);
    let package = Package::valid("read.html", &done.pptx.expect(&done.said));
    let words = package.slide(1).words();
    for unread in ["white on white", "tiny words"] {
        assert!(!words.contains(unread), "{words}");
        assert!(done.said.contains(&format!("cannot be seen left out: \"{unread}\"")), "{}", done.said);
    }
    for read in ["white on dark", "white over a box", "有着重号"] {
        assert!(words.contains(read), "{words}");
    }
    let clamped = shape_of(package.slide(1), "A text that");
    assert!(clamped.words().trim().ends_with('…') && !words.contains("never says"), "{words}");
    let [left, _, wide, _] = place(clamped);
    assert!(left + wide <= 201.0, "the dots stand in the line: {left} + {wide}");
    let marks: Vec<_> = words.lines().filter(|line| *line == "﹅").collect();
    assert_eq!(marks.len(), 2);
    assert_eq!(
        package.slide(1).all("a:srgbClr").iter().filter(|colour| colour.get("val") == Some("FF0000")).count(),
        2
    );
}

#[test]
fn a_title_stands_where_the_page_says() {
    let bench = Bench::new();
    let page = format!(
        "{STYLE}<div class=\"ppt-slide\"><h1 style=\"display:flex;gap:12px\"><span>Side</span><span>by side</span></h1></div>\
         <div class=\"ppt-slide\" data-title=\"Only named\"><p style=\"font-size:60px\">42%</p></div>\
         <div class=\"ppt-slide\" data-title=\"Said below\"><p style=\"font-size:60px\">42%</p><p>Said below</p></div>"
    );
    let done = bench.convert("named.html", page.as_bytes(), LONG);
    let package = Package::valid("named.html", &done.pptx.expect(&done.said));
    for (number, title) in [(1, "Side by side"), (2, "Only named"), (3, "Said below")] {
        assert_eq!(package.facts(number).title.as_deref(), Some(title));
    }
    // One that the page does not show stands above it, for outlines and screen readers.
    let shapes = package.slide(2).all("p:sp");
    let named = shapes.into_iter().find(|shape| !shape.all("p:ph").is_empty()).unwrap();
    let [_, top, _, high] = place(named);
    assert!(top + high < 0.0, "{top} + {high}");
    assert!(done.fidelity.unwrap().slides[1].outside.is_empty());
}

#[test]
fn fonts_of_other_systems_are_named_as_the_page_names_them() {
    let bench = Bench::new();
    let page = format!(
        "{STYLE}<html lang=\"zh-CN\"><div class=\"ppt-slide\"><h1>T</h1><p style='font-family:\"PingFang SC\",\"Microsoft YaHei\",sans-serif'>微软雅黑</p><p style=\"font-family:SimSun,serif\">宋体</p><p style=\"font-family:Nowhere,sans-serif\">无</p></div>"
    );
    let done = bench.convert("elsewhere.html", page.as_bytes(), LONG);
    let package = Package::valid("elsewhere.html", &done.pptx.expect(&done.said));
    let east = |word: &str| {
        let shape = shape_of(package.slide(1), word);
        shape.all("a:ea")[0].get("typeface").unwrap().to_owned()
    };
    assert_eq!((east("微软雅黑"), east("宋体")), ("Microsoft YaHei".to_owned(), "SimSun".to_owned()));
    let fonts = &done.fidelity.unwrap().slides[0].fonts;
    assert_eq!(fonts.iter().map(|font| font.wanted.as_str()).collect::<Vec<_>>(), ["Nowhere"]);
}

#[test]
fn lists_that_count_down_or_from_nothing_say_their_numbers() {
    let bench = Bench::new();
    let page = format!(
        "{STYLE}<div class=\"ppt-slide\"><h1>Countdown</h1><ol reversed><li>three</li><li>two</li><li>one</li></ol><ol start=\"0\"><li>nil</li><li>first</li></ol><ol><li value=\"-1\">below</li></ol></div>"
    );
    let done = bench.convert("count.html", page.as_bytes(), LONG);
    let package = Package::valid("count.html", &done.pptx.expect(&done.said));
    let slide = package.slide(1);
    let starts: Vec<_> = slide
        .all("a:buAutoNum")
        .iter()
        .map(|number| number.get("startAt").unwrap_or("1").to_owned())
        .collect();
    assert_eq!(starts, ["1"]);
    let words = slide.words();
    // A presentation counts up from 1: other numbers are text before a tab.
    for item in ["3.\tthree", "2.\ttwo", "1.\tone", "0.\tnil", "-1.\tbelow"] {
        assert!(words.contains(item), "{item}: {words:?}");
    }
    assert!(done.said.contains("does not count up"), "{}", done.said);
}

#[test]
fn what_is_faint_unseen_or_too_long_in_a_line_is_so_in_the_presentation() {
    let bench = Bench::new();
    let page = format!(
        "{STYLE}<div class=\"ppt-slide\"><h1>AI Strategy<span style=\"display:block\">for 2026</span></h1>\
         <p>Full <span style=\"opacity:.3\">faint</span> and <span style=\"opacity:0\">unseen</span> words. <i style=\"color:transparent\">clear</i></p>\
         <div style=\"width:300px;padding:0 20px;box-sizing:border-box;overflow:hidden;white-space:nowrap;text-overflow:ellipsis\">This text is far too long for its box and ends in dots</div>\
         <table><thead hidden><tr><th>gone</th></tr></thead><tbody style=\"display:none\"><tr><td>gone</td></tr></tbody><tbody><tr><td>kept</td><td>too</td></tr></tbody></table>\
         <img src=\"a.png\" style=\"position:absolute;left:600px;top:300px;width:160px;height:120px;border:4px solid #fff;box-shadow:0 8px 20px #000\"></div>"
    );
    bench.write("a.png", &pixel());
    let done = bench.convert("faint.html", page.as_bytes(), LONG);
    let package = Package::valid("faint.html", &done.pptx.expect(&done.said));
    let slide = package.slide(1);
    let run = |word: &str| {
        let all = slide.all("a:r");
        all.into_iter()
            .find(|run| run.all("a:t")[0].text.trim() == word)
            .unwrap_or_else(|| panic!("{}", slide.words()))
    };
    assert_eq!(run("faint").all("a:alpha")[0].get("val"), Some("30000"));
    assert!(run("Full").all("a:alpha").is_empty());
    for unseen in ["unseen", "clear"] {
        assert!(!slide.words().contains(unseen), "{}", slide.words());
        assert!(done.said.contains(&format!("cannot be seen left out: \"{unseen}\"")), "{}", done.said);
    }
    let long = shape_of(slide, "This text").words();
    assert!(long.trim().ends_with('…') && !long.contains("ends in dots"), "{long}");
    let [left, _, wide, _] = place(shape_of(slide, "This text"));
    assert!(left + wide < 281.0, "the dots end before the padding: {left} + {wide}");
    // Sections that are not shown leave neither rows nor columns.
    assert_eq!((slide.all("a:tr").len(), slide.all("a:gridCol").len()), (1, 2));
    // The frame of a picture casts the shadow, and the picture none upon it.
    assert_eq!(slide.all("a:outerShdw").len(), 1);
    assert!(slide.all("p:pic")[0].all("a:outerShdw").is_empty());
    // A heading of two blocks is one title.
    assert_eq!(package.facts(1).title.as_deref().map(str::trim), Some("AI Strategy\nfor 2026"));
}
