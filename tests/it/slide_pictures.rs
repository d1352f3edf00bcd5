//! Small pictures of single slides, as a rail of a window asks for them.

use std::io::Cursor;
use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine as _;
use okcvm_protocol::{
    CommandHandler, PreviewSource, SessionId, SlidePictureParams, SlidePicturesStopParams, Thumbnail,
    ThumbnailParams,
};

use crate::desk::Desk;

fn live(path: &str) -> PreviewSource {
    PreviewSource::Live { path: path.to_owned() }
}

async fn ask(desk: &Desk, session: &SessionId, path: &str, slide: u32) -> Thumbnail {
    let params = SlidePictureParams { session_id: session.clone(), source: live(path), slide };
    desk.host.slide_picture_get(params).await.unwrap()
}

/// The colour in the middle of a picture.
fn middle(drawn: &Thumbnail) -> [u8; 3] {
    let url = drawn.url.as_ref().unwrap_or_else(|| panic!("{:?}", drawn.reason));
    let data = url.strip_prefix("data:image/png;base64,").unwrap();
    let bytes = base64::engine::general_purpose::STANDARD.decode(data).unwrap();
    let picture =
        image::ImageReader::new(Cursor::new(bytes)).with_guessed_format().unwrap().decode().unwrap();
    assert_eq!((picture.width(), picture.height()), (drawn.width, drawn.height));
    let [red, green, blue, _] = picture.to_rgba8().get_pixel(drawn.width / 2, drawn.height / 2).0;
    [red, green, blue]
}

/// Slides of one colour each; the last is hidden until a script would show it.
fn deck(note: &str) -> String {
    let slide = |colour: &str, more: &str| {
        format!(
            "<div class=\"ppt-slide\" style=\"width:1024px;height:576px;background:{colour};{more}\"></div>"
        )
    };
    let slides =
        [slide("#ff0000", ""), slide("#00ff00", "transform:scale(.4)"), slide("#0000ff", "display:none")];
    format!("<!doctype html><title>{note}</title>{}", slides.concat())
}

fn has(program: &str) -> bool {
    std::env::split_paths(&std::env::var("PATH").unwrap()).any(|folder| folder.join(program).is_file())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_slide_of_a_page_has_a_picture_and_all_are_drawn_in_one_go() {
    let desk = Desk::open();
    let session = desk.session().await;
    let files = desk.files(&session).await;
    std::fs::write(files.join("plain.html"), "<p>no slides").unwrap();
    std::fs::write(files.join("notes.txt"), "no slides").unwrap();
    // No browser is asked for what was drawn with the others. A busy machine may hold one answer up, and not each.
    let mut times = Vec::new();
    for name in ["talk.html", "second.html", "third.html"] {
        std::fs::write(files.join(name), deck(name)).unwrap();
        let begun = Instant::now();
        let (last, first) = tokio::join!(ask(&desk, &session, name, 2), ask(&desk, &session, name, 0));
        let drawing = begun.elapsed();
        assert_eq!((middle(&first), middle(&last)), ([255, 0, 0], [0, 0, 255]));
        assert_eq!((first.width, first.height), (320, 180));
        let begun = Instant::now();
        assert_eq!(middle(&ask(&desk, &session, name, 1).await), [0, 255, 0]);
        times.push((drawing, begun.elapsed()));
    }
    assert!(times.iter().any(|(drawing, kept)| *kept * 4 < *drawing), "{times:?}");
    let beyond = ask(&desk, &session, "talk.html", 3).await;
    assert_eq!((beyond.url, beyond.reason.as_deref()), (None, Some("There is no slide 4.")));
    let plain = ask(&desk, &session, "plain.html", 0).await;
    assert!(plain.reason.is_some_and(|reason| reason.contains("ppt-slide")));
    assert!(ask(&desk, &session, "notes.txt", 0).await.reason.is_some());
    assert!(ask(&desk, &session, "talk.html", 100_000).await.reason.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_of_a_page_follow_the_files_beside_it() {
    let desk = Desk::open();
    let session = desk.session().await;
    let files = desk.files(&session).await;
    let paint = |colour: &str| {
        let style = format!(".ppt-slide {{ width: 1024px; height: 576px; background: {colour} }}");
        std::fs::write(files.join("site/style.css"), style).unwrap();
    };
    std::fs::create_dir(files.join("site")).unwrap();
    // A preview serves the folder of the page: this one is out of its reach.
    std::fs::write(files.join("style.css"), ".ppt-slide { background: #000000 !important }").unwrap();
    let page = "<!doctype html><link rel=\"stylesheet\" href=\"/style.css\"><div class=\"ppt-slide\"></div>";
    std::fs::write(files.join("site/talk.html"), page).unwrap();
    let look = async || {
        let slide = ask(&desk, &session, "site/talk.html", 0).await;
        let params = ThumbnailParams { session_id: session.clone(), source: live("site/talk.html") };
        let whole = desk.host.thumbnail_get(params).await.unwrap();
        (middle(&slide), middle(&whole))
    };
    for (colour, pixels) in [("#ff0000", [255, 0, 0]), ("#0000ff", [0, 0, 255]), ("#ff0000", [255, 0, 0])] {
        paint(colour);
        // For so long a drawing is believed to hold.
        tokio::time::sleep(Duration::from_millis(3_100)).await;
        assert_eq!(look().await, (pixels, pixels), "{colour}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slides_that_nobody_waits_for_are_not_drawn_to_the_end() {
    let desk = Desk::open();
    let session = desk.session().await;
    std::fs::write(desk.files(&session).await.join("talk.html"), deck("two")).unwrap();
    let stop = SlidePicturesStopParams { session_id: session.clone(), source: live("talk.html") };
    let asking = ask(&desk, &session, "talk.html", 2);
    tokio::pin!(asking);
    let begun = Instant::now();
    // Called off until it ends: a single time may come before it is asked for.
    let drawn = loop {
        tokio::select! {
            drawn = &mut asking => break drawn,
            () = tokio::time::sleep(Duration::from_millis(20)) => {
                desk.host.slide_pictures_stop(stop.clone()).await.unwrap();
            }
        }
    };
    assert!(drawn.reason.is_some_and(|reason| reason.contains("called off")), "{:?}", drawn.url);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    // It is no end for ever.
    assert_eq!(middle(&ask(&desk, &session, "talk.html", 2).await), [0, 0, 255]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_slide_of_a_presentation_has_a_picture_where_an_office_program_is_installed() {
    let path = std::env::var("PATH").unwrap();
    let desk = Desk::with(&[("PATH", &path)]);
    let session = desk.session().await;
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/documents/slides.pptx");
    std::fs::copy(fixture, desk.files(&session).await.join("talk.pptx")).unwrap();
    let begun = Instant::now();
    let first = ask(&desk, &session, "talk.pptx", 0).await;
    let drawing = begun.elapsed();
    if !has("soffice") || !desk.host.sandbox_status().available {
        assert!(first.reason.is_some_and(|reason| reason.contains("LibreOffice")));
        return;
    }
    middle(&first);
    let begun = Instant::now();
    middle(&ask(&desk, &session, "talk.pptx", 1).await);
    assert!(begun.elapsed() * 2 < drawing, "{:?} after {drawing:?}", begun.elapsed());
    // The third is hidden and has its picture all the same: the numbers of those behind it hold.
    middle(&ask(&desk, &session, "talk.pptx", 2).await);
    let beyond = ask(&desk, &session, "talk.pptx", 250).await;
    assert!(beyond.reason.is_some_and(|reason| reason.contains("251")));
}
