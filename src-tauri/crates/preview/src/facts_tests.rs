use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use image::codecs::gif::GifEncoder;
use image::{Delay, Frame, ImageFormat, RgbaImage};
use okcvm_workspace::{Workspace, WorkspacePath};
use tempfile::TempDir;

use super::*;

/// Files to be looked at.
pub(crate) struct Desk {
    pub(crate) folder: TempDir,
    pub(crate) shelf: Shelf,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("files")).unwrap();
        let shelf = Shelf::new(folder.path().join("shelf"));
        Self { folder, shelf }
    }

    pub(crate) fn files(&self) -> std::path::PathBuf {
        self.folder.path().join("files")
    }

    pub(crate) fn source(&self, path: &str) -> Source {
        let workspace = Workspace::open(&self.files()).unwrap();
        Source::Live { workspace, path: WorkspacePath::parse(path).unwrap() }
    }

    pub(crate) fn put(&self, path: &str, bytes: impl AsRef<[u8]>) -> Source {
        let place = self.files().join(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, bytes).unwrap();
        self.source(path)
    }

    pub(crate) fn facts(&self, path: &str, bytes: impl AsRef<[u8]>) -> FileFacts {
        describe(&self.put(path, bytes), &self.shelf).unwrap()
    }
}

pub(crate) fn fixture(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/fixtures/documents").join(name))
        .unwrap()
}

pub(crate) fn picture(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let drawn = image::RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, 128]));
    image::DynamicImage::ImageRgb8(drawn).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A picture whose head says that it is this large; its pixels are zeros, as many as `rows` rows hold.
pub(crate) fn claimed_png(width: u32, height: u32, rows: usize) -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |name: &[u8; 4], body: &[u8]| {
        png.extend((body.len() as u32).to_be_bytes());
        let named = [&name[..], body].concat();
        let mut sum = flate2::Crc::new();
        sum.update(&named);
        png.extend(&named);
        png.extend(sum.sum().to_be_bytes());
    };
    let mut head = [width.to_be_bytes(), height.to_be_bytes()].concat();
    head.extend([8, 2, 0, 0, 0]);
    chunk(b"IHDR", &head);
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::best());
    let row = vec![0; 1 + 3 * width as usize];
    for _ in 0..rows {
        packer.write_all(&row).unwrap();
    }
    chunk(b"IDAT", &packer.finish().unwrap());
    chunk(b"IEND", b"");
    png
}

/// Sound of one channel: silence, then a loud second.
pub(crate) fn wav(seconds: u32) -> Vec<u8> {
    let rate = 8_000_u32;
    let samples = (0..rate * seconds).map(|place| {
        let loud = place >= rate * (seconds - 1);
        if loud { ((f64::from(place) * 0.3).sin() * 29_000.0) as i16 } else { 0 }
    });
    let data: Vec<u8> = samples.flat_map(i16::to_le_bytes).collect();
    let mut wav = b"RIFF".to_vec();
    wav.extend((36 + data.len() as u32).to_le_bytes());
    wav.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    wav.extend(rate.to_le_bytes());
    wav.extend((rate * 2).to_le_bytes());
    wav.extend([2, 0, 16, 0]);
    wav.extend(b"data");
    wav.extend((data.len() as u32).to_le_bytes());
    wav.extend(data);
    wav
}

#[test]
fn pictures_tell_their_size_whatever_their_name() {
    let desk = Desk::new();
    for (format, mime) in [
        (ImageFormat::Png, "image/png"),
        (ImageFormat::Jpeg, "image/jpeg"),
        (ImageFormat::Gif, "image/gif"),
        (ImageFormat::Bmp, "image/bmp"),
        (ImageFormat::Tiff, "image/tiff"),
        (ImageFormat::WebP, "image/webp"),
    ] {
        let facts = desk.facts("图片 ñ.bin", picture(64, 48, format));
        assert_eq!((facts.kind, facts.mime.as_str()), (ArtifactKind::Image, mime));
        assert_eq!(
            facts.meta,
            Some(ArtifactMeta::Image { width: 64, height: 48, animated: false }),
            "{mime}"
        );
        assert_eq!(facts.head.len(), 1_024.min(2 * facts.size as usize));
    }
    let mut gif = Vec::new();
    let frame = |level| {
        let pixels = RgbaImage::from_pixel(4, 3, image::Rgba([level, 0, 0, 255]));
        Frame::from_parts(pixels, 0, 0, Delay::from_numer_denom_ms(100, 1))
    };
    GifEncoder::new(&mut gif).encode_frames([frame(0), frame(200)]).unwrap();
    let facts = desk.facts("moves.gif", gif);
    assert_eq!(facts.meta, Some(ArtifactMeta::Image { width: 4, height: 3, animated: true }));
}

#[test]
fn a_drawing_tells_its_size() {
    let desk = Desk::new();
    for (text, size) in [
        (r#"<svg xmlns="x" width="40mm" height="1in">"#, (151, 96)),
        (r#"<?xml version="1.0"?><svg viewBox="0 0 30,40" stroke-width="9" width="100%">"#, (30, 40)),
        (r"<svg width='60' viewBox='0 0 10 20'>", (60, 120)),
        ("<svg>", (300, 150)),
    ] {
        let facts = desk.facts("a.svg", text);
        let (width, height) = size;
        assert_eq!(facts.meta, Some(ArtifactMeta::Image { width, height, animated: false }), "{text}");
        assert_eq!((facts.kind, facts.mime.as_str()), (ArtifactKind::Image, "image/svg+xml"));
    }
}

#[test]
fn a_picture_that_would_fill_the_memory_is_told_by_its_head() {
    let desk = Desk::new();
    let facts = desk.facts("bomb.png", claimed_png(25_000, 20_000, 10));
    assert_eq!(facts.meta, Some(ArtifactMeta::Image { width: 25_000, height: 20_000, animated: false }));
}

#[test]
fn a_hole_of_500_megabytes_is_no_picture_and_costs_no_time() {
    let desk = Desk::new();
    let source = desk.put("huge.png", "");
    fs::File::options().write(true).open(desk.files().join("huge.png")).unwrap().set_len(500 << 20).unwrap();
    let begun = Instant::now();
    let facts = describe(&source, &desk.shelf).unwrap();
    assert!(begun.elapsed().as_secs() < 2, "{:?}", begun.elapsed());
    assert_eq!((facts.size, facts.hash, facts.meta), (500 << 20, None, None));
    assert!(facts.problem.unwrap().contains("damaged"));
    assert!(!facts.text);
}

#[test]
fn empty_files_say_so() {
    let desk = Desk::new();
    for name in ["a.png", "a.csv", "a.pdf", "a.mp3", "a.zip", "a.html", "a.xlsx", "a.md", "a"] {
        let facts = desk.facts(name, "");
        assert_eq!(facts.problem.as_deref(), Some("The file is empty."), "{name}");
        assert_eq!((facts.meta, facts.size, facts.head.as_str()), (None, 0, ""));
    }
}

#[test]
fn sound_tells_its_length_and_how_loud_it_is() {
    let desk = Desk::new();
    let facts = desk.facts("tone.wav", wav(4));
    assert_eq!(facts.kind, ArtifactKind::Audio);
    let Some(ArtifactMeta::Audio { seconds, channels, rate, peaks }) = facts.meta else {
        panic!("{:?}", facts.problem)
    };
    assert_eq!((seconds, channels, rate), (4.0, 1, 8_000));
    assert!(peaks.len() <= 256 && peaks.len() > 100, "{}", peaks.len());
    let (quiet, loud) = peaks.split_at(peaks.len() * 3 / 4 - 2);
    assert!(quiet.iter().all(|level| *level < 0.01));
    assert!(loud.iter().skip(4).all(|level| *level > 0.7), "{loud:?}");
    let broken = desk.facts("broken.mp3", b"ID3\x04\0\0\0\0\0\x0fnothing of sound");
    assert!(broken.meta.is_none() && broken.problem.is_some(), "{broken:?}");
}

/// A box of an MP4 file.
fn part(name: &[u8], body: &[&[u8]]) -> Vec<u8> {
    let body = body.concat();
    [&(8 + body.len() as u32).to_be_bytes()[..], name, &body].concat()
}

/// Twelve seconds of moving pictures of that size; there are none in it.
fn mp4(width: u16, height: u16) -> Vec<u8> {
    let number = |number: u32| number.to_be_bytes();
    let (rate, length, zero) = (number(1_000), number(12_000), [0; 36]);
    let head = part(
        b"mvhd",
        &[
            &zero[..12],
            &rate,
            &length,
            &number(0x1_0000),
            &[1, 0],
            &zero[..10],
            &zero,
            &zero[..24],
            &number(2),
        ],
    );
    let size = [u32::from(width) << 16, u32::from(height) << 16].map(number).concat();
    let track =
        part(b"tkhd", &[&number(7), &zero[..8], &number(1), &zero[..4], &length, &zero[..16], &zero, &size]);
    let media = part(b"mdhd", &[&zero[..12], &rate, &length, &[0x55, 0xc4, 0, 0]]);
    let handler = part(b"hdlr", &[&zero[..8], b"vide", &zero[..13]]);
    let coder = part(b"avcC", &[&[1, 0x64, 0, 0x1f, 0xff, 0xe0, 0]]);
    let pixels = [width.to_be_bytes(), height.to_be_bytes()].concat();
    let form = part(
        b"avc1",
        &[
            &zero[..6],
            &[0, 1],
            &zero[..16],
            &pixels,
            &number(0x48_0000),
            &number(0x48_0000),
            &zero[..4],
            &[0, 1],
            &zero[..32],
            &[0, 24, 0xff, 0xff],
            &coder,
        ],
    );
    let table = part(
        b"stbl",
        &[
            &part(b"stsd", &[&zero[..4], &number(1), &form]),
            &part(b"stts", &[&zero[..4], &number(1), &number(12), &number(1_000)]),
            &part(b"stsc", &[&zero[..4], &number(1), &number(1), &number(12), &number(1)]),
            &part(b"stsz", &[&zero[..4], &number(10), &number(12)]),
            &part(b"stco", &[&zero[..4], &number(1), &number(40)]),
        ],
    );
    let info = part(b"minf", &[&part(b"vmhd", &[&number(1), &zero[..8]]), &table]);
    let media = part(b"mdia", &[&media, &handler, &info]);
    let film = part(b"moov", &[&head, &part(b"trak", &[&track, &media])]);
    [part(b"ftyp", &[b"isom", &number(512), b"isommp42"]), part(b"mdat", &[&[0; 120]]), film].concat()
}

#[test]
fn moving_pictures_tell_their_size_and_length() {
    let desk = Desk::new();
    let film = desk.facts("影片.mp4", mp4(640, 360));
    assert_eq!(
        film.meta,
        Some(ArtifactMeta::Video { seconds: Some(12.0), width: 640, height: 360 }),
        "{:?}",
        film.problem
    );
    assert_eq!((film.kind, film.mime.as_str()), (ArtifactKind::File, "video/mp4"));
    let cut = mp4(640, 360);
    let broken = desk.facts("cut.mp4", &cut[..cut.len() / 3]);
    assert!(broken.meta.is_none() && broken.problem.is_some(), "{broken:?}");
}

#[test]
fn tables_are_outlined() {
    let desk = Desk::new();
    let names = vec!["a".to_owned(), "b".to_owned()];
    let facts = desk.facts("t.csv", "a;b\n1;2\n3;4\n");
    assert_eq!(
        facts.meta,
        Some(ArtifactMeta::Table { rows: Some(2), columns: 2, names: names.clone(), sheets: vec![] })
    );
    let long = format!("a,b\n{}", "1,2\n".repeat(3_000_000));
    let facts = desk.facts("long.csv", long);
    assert_eq!(facts.meta, Some(ArtifactMeta::Table { rows: None, columns: 2, names, sheets: vec![] }));
    let book = desk.facts("book.xlsx", fixture("sheets.xlsx"));
    let Some(ArtifactMeta::Table { sheets, names, .. }) = book.meta else { panic!("{:?}", book.problem) };
    assert!(sheets.len() == 2 && !names.is_empty());
    assert_eq!(book.kind, ArtifactKind::Table);
}

#[test]
fn documents_tell_pages_and_titles() {
    let desk = Desk::new();
    let pdf = desk.facts("a.pdf", fixture("libreoffice.pdf"));
    let Some(ArtifactMeta::Document { pages: Some(pages), .. }) = pdf.meta else {
        panic!("{:?}", pdf.problem)
    };
    assert!(pages >= 1);
    assert_eq!((pdf.kind, pdf.mime.as_str()), (ArtifactKind::Document, "application/pdf"));
    let whole = fixture("libreoffice.pdf");
    let broken = desk.facts("broken.pdf", b"%PDF-1.7\nthis is the start of a PDF and nothing else");
    assert!(broken.meta.is_none() && broken.problem.unwrap().contains("broken"));
    // Half a document may still have pages that are found; what is said of it is one of the two.
    let half = desk.facts("half.pdf", &whole[..whole.len() / 2]);
    assert!(half.meta.is_some() != half.problem.is_some());
    let locked = desk.facts("locked.pdf", fixture("encrypted.pdf"));
    assert!(locked.problem.unwrap().contains("password"));
    let text = desk.facts("notes.md", "# Notes of the day #\n\ntext");
    assert_eq!(
        text.meta,
        Some(ArtifactMeta::Document { pages: None, title: Some("Notes of the day".to_owned()) })
    );
}

#[test]
fn slides_are_outlined() {
    let desk = Desk::new();
    let office = desk.facts("deck.pptx", fixture("slides.pptx"));
    assert_eq!(office.kind, ArtifactKind::Deck);
    let Some(ArtifactMeta::Deck { slides }) = office.meta else { panic!("{:?}", office.problem) };
    assert_eq!(slides[0].title, "产品介绍");
    assert!(slides.iter().any(|slide| slide.hidden) && slides.iter().any(|slide| !slide.notes.is_empty()));
    let html = r#"<title>Deck</title><style>.ppt-slide{}</style>
        <section class="ppt-slide dark"><div><h1>First  <b>one</b></h1></div><aside>Say hello</aside></section>
        <section class="ppt-slide" data-notes="More" hidden><p>no heading</p></section>"#;
    let facts = desk.facts("deck.html", html);
    let slide = |title: &str, notes: &str, hidden| SlideOutline {
        title: title.to_owned(),
        notes: notes.to_owned(),
        hidden,
    };
    assert_eq!(
        facts.meta,
        Some(ArtifactMeta::Deck {
            slides: vec![slide("First one", "Say hello", false), slide("", "More", true)]
        })
    );
    assert_eq!(facts.kind, ArtifactKind::Deck);
}

#[test]
fn sites_tell_their_title() {
    let desk = Desk::new();
    desk.put("site/index.html", "<title>Mein Laden &amp; mehr</title><p>x");
    let site = Some(ArtifactMeta::Site { title: Some("Mein Laden & mehr".to_owned()) });
    let facts = describe(&desk.source("site"), &desk.shelf).unwrap();
    assert_eq!(
        (facts.kind, facts.mime.as_str(), facts.meta),
        (ArtifactKind::Site, "inode/directory", site.clone())
    );
    let page = describe(&desk.source("site/index.html"), &desk.shelf).unwrap();
    assert_eq!((page.kind, page.meta), (ArtifactKind::Site, site));
    let plain = describe(&desk.source(""), &desk.shelf).unwrap();
    assert_eq!((plain.kind, plain.meta), (ArtifactKind::File, None));
    let missing = describe(&desk.source("nowhere"), &desk.shelf).unwrap_err();
    assert!(matches!(missing, PreviewError::Missing { .. }));
}

#[test]
fn text_is_told_from_bytes() {
    let desk = Desk::new();
    let wide: Vec<u8> = "größer als nichts".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, text) in [
        ("fn main() {}\n".as_bytes().to_vec(), true),
        (b"caf\xe9 in Latin-1".to_vec(), true),
        (wide, true),
        (vec![0; 300], false),
        ((0..=255).collect(), false),
        ((1..=31).cycle().take(600).collect(), false),
    ] {
        assert_eq!(desk.facts("a.rs", &bytes).text, text, "{bytes:?}");
    }
}

#[test]
fn what_was_found_is_kept_by_content() {
    let desk = Desk::new();
    let first = desk.facts("a.png", picture(10, 10, ImageFormat::Png));
    let hash = first.hash.clone().unwrap();
    let kept = desk.folder.path().join("shelf").join(format!("{hash}-picture.json"));
    let text = fs::read_to_string(&kept).unwrap();
    // What is kept is believed: the same content under another name is not looked at again.
    fs::write(&kept, text.replace("\"width\":10", "\"width\":77")).unwrap();
    let again = desk.facts("b.png", picture(10, 10, ImageFormat::Png));
    assert_eq!(again.meta, Some(ArtifactMeta::Image { width: 77, height: 10, animated: false }));
    // What is torn is made anew.
    fs::write(&kept, "{\"version\":1,\"val").unwrap();
    let healed = desk.facts("b.png", picture(10, 10, ImageFormat::Png));
    assert_eq!(healed.meta, first.meta);
    let left: Vec<_> = fs::read_dir(desk.folder.path().join("shelf")).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn what_is_written_while_it_is_looked_at_is_not_kept() {
    let desk = Desk::new();
    let source = desk.put("a.csv", "a,b\n1,2\n");
    let material = source.open().unwrap();
    assert!(material.is_unchanged());
    desk.put("a.csv", "other,table,here\n");
    assert!(!material.is_unchanged());
    let hash = "0".repeat(64);
    let mut asked = 0;
    for _ in 0..2 {
        let made = desk.shelf.described(&hash, Form::Table, &Wanted::default(), || {
            asked += 1;
            Made::ForNow(Described { meta: None, problem: None })
        });
        assert_eq!(made.unwrap().problem, None);
    }
    assert_eq!(asked, 2);
    assert!(!desk.folder.path().join("shelf").exists());
}

#[test]
fn a_film_in_ogg_tells_its_size() {
    let desk = Desk::new();
    let mut bytes = b"OggS\0\x02".to_vec();
    bytes.extend([0; 22]);
    bytes.extend(b"\x80theora\x03\x02\x01\0\x0a\0\x06\0\0\xa0\0\0\x5a\0\0");
    let facts = describe(&desk.put("a.ogv", &bytes), &desk.shelf).unwrap();
    assert_eq!(facts.meta, Some(ArtifactMeta::Video { seconds: None, width: 160, height: 90 }));
    let facts = describe(&desk.put("cut.ogv", &bytes[..40]), &desk.shelf).unwrap();
    assert!(facts.meta.is_none() && facts.problem.is_some(), "{facts:?}");
}
