use std::fs;
use std::time::Instant;

use image::ImageFormat;

use super::*;
use crate::facts::tests::{Desk, claimed_png, fixture, picture, wav};

fn drawn(desk: &Desk, path: &str, bytes: impl AsRef<[u8]>) -> Thumbnail {
    thumbnail(&desk.put(path, bytes), &desk.shelf).unwrap()
}

fn pixels(thumbnail: &Thumbnail) -> image::RgbaImage {
    let url = thumbnail.url.as_ref().unwrap_or_else(|| panic!("{:?}", thumbnail.reason));
    let bytes = STANDARD.decode(url.strip_prefix("data:image/png;base64,").unwrap()).unwrap();
    let picture = image::load_from_memory(&bytes).unwrap().to_rgba8();
    assert_eq!((picture.width(), picture.height()), (thumbnail.width, thumbnail.height));
    picture
}

#[test]
fn pictures_are_scaled_down_and_never_up() {
    let desk = Desk::new();
    for (size, small) in [((1_000, 500), (320, 160)), ((300, 3_000), (20, 200)), ((31, 17), (31, 17))] {
        let drawn = self::drawn(&desk, "a.jpg", picture(size.0, size.1, ImageFormat::Jpeg));
        assert_eq!((drawn.width, drawn.height), small);
        pixels(&drawn);
    }
}

#[test]
fn what_would_fill_the_memory_is_refused_before_it_is_decoded() {
    let desk = Desk::new();
    let bomb = claimed_png(25_000, 20_000, 2_000);
    let begun = Instant::now();
    let drawn = drawn(&desk, "bomb.png", bomb);
    assert!(begun.elapsed().as_secs() < 2, "{:?}", begun.elapsed());
    assert!(drawn.url.is_none());
    assert!(drawn.reason.unwrap().contains("500 megapixels (25000 × 20000)"));
}

#[test]
fn damaged_and_empty_files_have_a_reason() {
    let desk = Desk::new();
    let png = picture(100, 100, ImageFormat::Png);
    for (name, bytes) in [
        ("empty.png", Vec::new()),
        ("cut.png", png[..png.len() / 2].to_vec()),
        ("text.png", b"no picture at all".to_vec()),
        ("broken.pdf", b"%PDF-1.7\nnothing".to_vec()),
        ("locked.pdf", fixture("encrypted.pdf")),
        ("broken.wav", b"RIFF\xff\xff\xff\xffWAVEfmt ".to_vec()),
        ("a.zip", b"PK\x05\x06".to_vec()),
        ("deck.pptx", fixture("slides.pptx")),
        ("page.html", b"<p>x".to_vec()),
        ("notes.txt", b"words".to_vec()),
    ] {
        let drawn = drawn(&desk, name, bytes);
        assert!(drawn.url.is_none() && drawn.width == 0, "{name}");
        assert!(drawn.reason.unwrap().ends_with('.'), "{name}");
    }
    let source = desk.put("huge.jpg", "");
    fs::File::options().write(true).open(desk.files().join("huge.jpg")).unwrap().set_len(500 << 20).unwrap();
    assert!(thumbnail(&source, &desk.shelf).unwrap().reason.unwrap().contains("64 MB"));
    assert!(thumbnail(&desk.source(""), &desk.shelf).unwrap().reason.is_some());
}

#[test]
fn the_first_page_of_a_document_is_drawn() {
    let desk = Desk::new();
    let drawn = drawn(&desk, "书.pdf", fixture("libreoffice.pdf"));
    let page = pixels(&drawn);
    assert!(page.width() <= 320 && page.height() <= 200);
    let dark = page.pixels().filter(|pixel| pixel.0[0] < 160).count();
    let white = page.pixels().filter(|pixel| pixel.0 == [255; 4]).count();
    assert!(dark > 20 && white > 1_000, "{dark} dark and {white} white pixels");
}

#[test]
fn sound_is_drawn() {
    let desk = Desk::new();
    let wave = pixels(&drawn(&desk, "tone.wav", wav(4)));
    let column = |place: u32| (0..wave.height()).filter(|row| wave.get_pixel(place, *row).0[3] > 0).count();
    assert!(column(30) <= 3 && column(300) > 60, "{} and {}", column(30), column(300));
}

#[test]
fn a_drawing_is_given_as_it_is() {
    let desk = Desk::new();
    let svg = drawn(&desk, "a.svg", r#"<svg xmlns="http://www.w3.org/2000/svg" width="640" height="100"/>"#);
    assert!(svg.url.unwrap().starts_with("data:image/svg+xml;base64,"));
    assert_eq!((svg.width, svg.height), (320, 50));
}

/// Entities of which each stands for fifty of the one before, as `laughs` deep as named.
pub(crate) fn laughing(laughs: u8) -> String {
    let entity =
        |laugh: u8| format!("<!ENTITY a{laugh} \"{}\">", format!("&a{};", i16::from(laugh) - 1).repeat(50));
    let entities = (1..=laughs).map(entity).collect::<Vec<_>>().concat();
    let entities = format!("<!ENTITY a0 \"aaaaaaaaaa\">{entities}");
    format!(
        "<!DOCTYPE svg [{entities}]><svg xmlns=\"http://www.w3.org/2000/svg\"><text>&a{laughs};</text></svg>"
    )
}

#[test]
fn a_drawing_that_may_take_any_time_is_not_handed_to_the_window() {
    let desk = Desk::new();
    let bomb = laughing(4);
    let wide: Vec<u8> = bomb.bytes().flat_map(|byte| [byte, 0]).collect();
    for (name, bytes) in [("laugh.svg", bomb.into_bytes()), ("wide.svg", wide)] {
        let source = desk.put(name, &bytes);
        let facts = describe(&source, &desk.shelf).unwrap();
        assert_eq!(facts.problem.as_deref(), Some(BOMB), "{name}");
        let small = thumbnail(&source, &desk.shelf).unwrap();
        assert_eq!(small.url, None, "{name}");
    }
    assert_eq!(drawn(&desk, "laugh.svg", laughing(4)).reason.as_deref(), Some(BOMB));
    // What an engine of its own may draw.
    let used = r##"<svg xmlns="http://www.w3.org/2000/svg"><g id="a"/><use href="#a"/></svg>"##;
    assert_eq!(drawn(&desk, "used.svg", used).reason.as_deref(), Some(NOT_DRAWN));
    assert_eq!(drawn(&desk, "few.svg", laughing(1)).reason.as_deref(), Some(NOT_DRAWN));
    assert_eq!(desk.facts("few.svg", laughing(1)).problem, None);
    // Names that stand for each other, and declarations that make declarations.
    for entities in ["<!ENTITY a \"&b;\"><!ENTITY b \"x&a;\">", "<!ENTITY % a \"b\">"] {
        let facts =
            desk.facts("round.svg", format!("<!DOCTYPE svg [{entities}]><svg><text>&a;</text></svg>"));
        assert_eq!(facts.problem.as_deref(), Some(BOMB), "{entities}");
    }
}

/// A drawing whose parts use each other ten times each, as deep as named.
fn using(depth: u8) -> String {
    let parts = (1..=depth)
        .map(|part| format!("<g id=\"a{part}\">{}</g>", format!("<use href=\"#a{}\"/>", part - 1).repeat(10)))
        .collect::<Vec<_>>()
        .concat();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\"><defs><g id=\"a0\"><rect/></g>{parts}</defs><use href=\"#a{depth}\"/></svg>"
    )
}

#[test]
fn a_drawing_that_uses_its_parts_beyond_a_bound_is_shown_by_a_persons_hand_alone() {
    let desk = Desk::new();
    let problem = |svg: String| desk.facts("a.svg", svg).problem;
    assert_eq!(problem(using(8)).as_deref(), Some(BOMB));
    assert_eq!(problem(using(3)), None);
    let svg = |inside: &str| format!("<svg xmlns=\"http://www.w3.org/2000/svg\">{inside}</svg>");
    // By patterns, by what uses itself, by what hides what it uses.
    let patterns = (1..9)
        .map(|part| {
            let filled = format!("<rect style=\"fill: url('#p{}')\"/>", part - 1).repeat(10);
            format!("<pattern id=\"p{part}\">{filled}</pattern>")
        })
        .collect::<Vec<_>>()
        .concat();
    for inside in [
        format!("<pattern id=\"p0\"><rect/></pattern>{patterns}<rect fill=\"url(#p8)\"/>"),
        "<g id=\"a\"><use xlink:href=\"#a\"/></g>".to_owned(),
        "<g id=\"a\"/><use href=\"&#35;a\"/>".to_owned(),
        "<use><set attributeName=\"href\" to=\"#a\"/></use>".to_owned(),
    ] {
        assert_eq!(problem(svg(&inside)).as_deref(), Some(BOMB), "{inside}");
    }
    for declared in ["<!ENTITY u \"<use href='#a'/>\">", "<!ATTLIST use href CDATA \"#a\">"] {
        let svg = format!("<!DOCTYPE svg [{declared}]><svg><g id=\"a\"/>&u;</svg>");
        assert_eq!(problem(svg).as_deref(), Some(BOMB), "{declared}");
    }
    // What programs write: letters and colours that are used very often, links to a place.
    let letters = "<use xlink:href=\"#l\" fill=\"url(#c)\"/>".repeat(10_000);
    for inside in [
        format!(
            "<linearGradient id=\"c\"><stop/><stop/></linearGradient><path id=\"l\" d=\"M0 0\"/>{letters}"
        ),
        "<g id=\"top\"><a href=\"#top\"><!-- <use href=\"#top\"/> --><text>Up &gt;</text></a></g>".to_owned(),
        "<style>.a { fill: url(&quot;#c&quot;) }</style><rect id=\"c\" class=\"a\"/>".to_owned(),
    ] {
        assert_eq!(problem(svg(&inside)), None, "{inside:.80}");
    }
}

#[test]
fn a_small_picture_is_made_once() {
    let desk = Desk::new();
    let bytes = picture(900, 900, ImageFormat::Png);
    let first = drawn(&desk, "a.png", &bytes);
    let shelf = desk.folder.path().join("shelf");
    let kept: Vec<_> = fs::read_dir(&shelf).unwrap().map(|file| file.unwrap().path()).collect();
    // In one file, so that no picture goes without what is known of it.
    assert_eq!(kept.len(), 1, "{kept:?}");
    let text = fs::read_to_string(&kept[0]).unwrap();
    // What is kept comes out: nothing is decoded again.
    fs::write(&kept[0], text.replace(&format!("\"width\":{}", first.width), "\"width\":77")).unwrap();
    let again = drawn(&desk, "b.png", &bytes);
    assert_eq!((again.width, again.url), (77, first.url.clone()));
    fs::remove_file(&kept[0]).unwrap();
    assert_eq!(drawn(&desk, "b.png", &bytes), first);
}

#[test]
fn many_who_ask_at_once_get_the_same() {
    let desk = Desk::new();
    let bytes = picture(2_000, 1_500, ImageFormat::Jpeg);
    let sources: Vec<Source> = (0..8).map(|number| desk.put(&format!("{number}.jpg"), &bytes)).collect();
    let urls: Vec<Option<String>> = std::thread::scope(|scope| {
        let asked: Vec<_> = sources
            .iter()
            .map(|source| scope.spawn(|| thumbnail(source, &desk.shelf).unwrap().url))
            .collect();
        asked.into_iter().map(|asked| asked.join().unwrap()).collect()
    });
    assert!(urls[0].is_some() && urls.iter().all(|url| *url == urls[0]));
}

#[test]
fn a_frame_of_a_film_is_kept_for_its_content() {
    let desk = Desk::new();
    let film = desk.put("a.webm", b"\x1a\x45\xdf\xa3 and nothing that is decoded here");
    let asked = thumbnail(&film, &desk.shelf).unwrap();
    assert!(asked.wants_poster && asked.url.is_none(), "{asked:?}");

    let frame = picture(320, 180, ImageFormat::Png);
    let hash = describe(&film, &desk.shelf).unwrap().hash.unwrap();
    let kept = keep_poster(&film, &desk.shelf, &hash, &frame).unwrap();
    assert_eq!((kept.width, kept.height, kept.wants_poster), (320, 180, false));
    pixels(&kept);
    // The same content under another name has it, too; another frame does not take its place.
    let copy = desk.put("b.webm", b"\x1a\x45\xdf\xa3 and nothing that is decoded here");
    assert_eq!(thumbnail(&copy, &desk.shelf).unwrap().url, kept.url);
    let again = keep_poster(&copy, &desk.shelf, &hash, &picture(64, 64, ImageFormat::Png)).unwrap();
    assert_eq!(again.url, kept.url);
}

#[test]
fn a_frame_that_is_none_is_refused() {
    let desk = Desk::new();
    let film = desk.put("a.webm", b"\x1a\x45\xdf\xa3 film");
    let hash = describe(&film, &desk.shelf).unwrap().hash.unwrap();
    let large = [picture(10, 10, ImageFormat::Png), vec![0; 1024 * 1024]].concat();
    for frame in [
        b"no picture".to_vec(),
        Vec::new(),
        picture(100, 100, ImageFormat::Jpeg),
        picture(641, 2, ImageFormat::Png),
        claimed_png(20_000, 20_000, 100),
        large,
    ] {
        assert!(keep_poster(&film, &desk.shelf, &hash, &frame).is_err());
    }
    let text = desk.put("a.txt", b"words");
    let small = picture(10, 10, ImageFormat::Png);
    assert!(keep_poster(&text, &desk.shelf, &text.open().unwrap().hash().unwrap(), &small).is_err());
    desk.put("a.webm", b"\x1a\x45\xdf\xa3 another");
    let changed = keep_poster(&film, &desk.shelf, &hash, &small);
    assert!(matches!(changed, Err(PreviewError::Changed { .. })), "{changed:?}");
    assert!(thumbnail(&film, &desk.shelf).unwrap().wants_poster);
}

#[test]
fn the_same_bytes_under_other_names_are_judged_apart() {
    let desk = Desk::new();
    let reason = |name: &str| drawn(&desk, name, b"neither picture nor sound").reason.unwrap();
    assert!(reason("x.png").contains("picture"), "{}", reason("x.png"));
    assert!(reason("x.aac").contains("file"), "{}", reason("x.aac"));
}

#[test]
fn what_an_engine_drew_stands_on_white() {
    let desk = Desk::new();
    let mut page = image::RgbaImage::new(4, 1);
    page.put_pixel(1, 0, Rgba([200, 0, 0, 255]));
    page.put_pixel(2, 0, Rgba([0, 0, 0, 128]));
    let drawn = png(page).unwrap();
    let kept = keep_picture(&desk.shelf, &"a".repeat(64), &drawn).unwrap();
    let seen: Vec<_> = pixels(&kept).pixels().map(|pixel| pixel.0).collect();
    assert_eq!(seen, [[255; 4], [200, 0, 0, 255], [127, 127, 127, 255], [255; 4]]);
}
