//! PDF documents in a process of their own: this program runs itself again, so it has its own `main`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "which tests passed is told")]

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use flate2::{Compress, Compression, FlushCompress};
use okcvm_documents::{
    DocumentError, DocumentKind, Facts, Limits, Reading, facts, pages, read, read_elsewhere, serve_if_asked,
};

const KIND: DocumentKind = DocumentKind::Pdf;
const FIT: (u32, u32) = (320, 200);

/// What reading, looking and drawing of a document came to.
type Seen = (
    Result<okcvm_documents::Document, DocumentError>,
    Result<Facts, DocumentError>,
    Result<Vec<(u32, u32, Vec<u8>)>, DocumentError>,
);

fn main() {
    serve_if_asked();
    let tests: &[(&str, fn())] = &[
        ("it_reads_as_it_does_here", it_reads_as_it_does_here),
        ("a_part_that_swells_costs_its_document_alone", a_part_that_swells_costs_its_document_alone),
        ("a_picture_that_swells_costs_its_document_alone", a_picture_that_swells_costs_its_document_alone),
        ("pages_without_end_are_ended", pages_without_end_are_ended),
        ("it_is_called_off_at_once", it_is_called_off_at_once),
        ("what_is_wrong_with_a_document_is_told", what_is_wrong_with_a_document_is_told),
    ];
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    for (name, test) in tests {
        if wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str())) {
            test();
            println!("test {name} ... ok");
        }
    }
}

fn elsewhere() {
    read_elsewhere(std::env::current_exe().unwrap());
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/fixtures/documents").join(name))
        .unwrap()
}

fn fixtures() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/fixtures/documents");
    let names =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| Path::new(name).extension().is_some_and(|ending| ending == "pdf")).collect()
}

fn within(seconds: u64) -> Reading {
    Reading::new(Limits { time: Duration::from_secs(seconds), ..Limits::default() }, || false)
}

fn drawn(bytes: Vec<u8>, reading: &Reading) -> Result<Vec<(u32, u32, Vec<u8>)>, DocumentError> {
    let mut all = Vec::new();
    pages(bytes, FIT, 3, reading, &mut |page| {
        all.push((page.width, page.height, page.rgba));
        true
    })?;
    Ok(all)
}

/// A document of one page: its content, and further objects from number 5 on.
fn pdf(resources: &str, content: (&str, &[u8]), more: &[(&str, &[u8])]) -> Vec<u8> {
    let page = format!(
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 100] /Contents 4 0 R /Resources << {resources} >> >>"
    );
    let mut bytes = b"%PDF-1.7\n".to_vec();
    let mut places = Vec::new();
    let plain = ["<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>", &page];
    for text in plain {
        places.push(bytes.len());
        write!(bytes, "{} 0 obj\n{text}\nendobj\n", places.len()).unwrap();
    }
    for (dictionary, data) in std::iter::once(&content).chain(more) {
        places.push(bytes.len());
        write!(bytes, "{} 0 obj\n<< {dictionary} /Length {} >>\nstream\n", places.len(), data.len()).unwrap();
        bytes.extend(*data);
        bytes.extend(b"\nendstream\nendobj\n");
    }
    let start = bytes.len();
    write!(bytes, "xref\n0 {}\n0000000000 65535 f \n", places.len() + 1).unwrap();
    for place in &places {
        writeln!(bytes, "{place:010} 00000 n ").unwrap();
    }
    write!(bytes, "trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n", places.len() + 1)
        .unwrap();
    bytes
}

/// Packed zeros, so many megabytes of them: the same piece again and again.
fn zeros(megabytes: usize) -> Vec<u8> {
    let mut press = Compress::new(Compression::best(), false);
    let row = vec![0_u8; 1 << 20];
    let mut piece = |flush| {
        let mut packed = Vec::with_capacity(64 * 1024);
        press.compress_vec(&row, &mut packed, flush).unwrap();
        packed
    };
    let (first, again) = (piece(FlushCompress::Full), piece(FlushCompress::Full));
    let mut all = vec![0x78, 0xda];
    all.extend(first);
    for _ in 1..megabytes {
        all.extend(&again);
    }
    // An empty last block.
    all.extend([0x03, 0x00]);
    all
}

/// The most memory that this process has held, in MB.
fn most_held() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() / 1024
}

fn it_reads_as_it_does_here() {
    let names = fixtures();
    assert!(names.len() > 3, "{names:?}");
    let look = || -> Vec<Seen> {
        let look_at = |name: &String| {
            let reading = within(120);
            let bytes = || fixture(name);
            (read(bytes(), KIND, &reading), facts(bytes(), KIND, &reading), drawn(bytes(), &reading))
        };
        names.iter().map(look_at).collect()
    };
    let here = look();
    elsewhere();
    for ((name, here), there) in names.iter().zip(here).zip(look()) {
        assert!(here == there, "{name} reads otherwise: {:?} {:?}", here.0, there.0);
    }
}

fn a_part_that_swells_costs_its_document_alone() {
    elsewhere();
    let before = most_held();
    // A name may be written with numbers for letters.
    let bytes = pdf("", ("/Filter /Flate#44ecode", &zeros(6_000)), &[]);
    for error in [drawn(bytes.clone(), &within(5)).unwrap_err(), read(bytes, KIND, &within(5)).unwrap_err()] {
        // Which comes first depends on the machine.
        assert!(matches!(error, DocumentError::TooLarge(_) | DocumentError::TimedOut(_)), "{error}");
        assert_eq!(error.is_lasting(), matches!(error, DocumentError::TooLarge(_)));
    }
    assert!(most_held() < before + 300, "from {before} to {} MB", most_held());
}

fn a_picture_that_swells_costs_its_document_alone() {
    elsewhere();
    let before = most_held();
    let picture = "/Type /XObject /Subtype /Image /Width 60000 /Height 60000 /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /FlateDecode";
    let bytes =
        pdf("/XObject << /X 5 0 R >>", ("", b"200 0 0 100 0 0 cm /X Do"), &[(picture, &zeros(10_300))]);
    // What the drawing says of it is its own matter: this program and its memory stay.
    let outcome = drawn(bytes, &within(20)).map(|pages| pages.len());
    println!("{outcome:?}");
    assert!(most_held() < before + 300, "from {before} to {} MB", most_held());
    assert_eq!(drawn(pdf("", ("", b"0 0 50 50 re f"), &[]), &within(60)).unwrap().len(), 1);
}

/// Each form draws the next one twice.
fn endless() -> Vec<u8> {
    let form = |next: usize| {
        format!(
            "/Type /XObject /Subtype /Form /BBox [0 0 200 100] /Resources << /XObject << /X {next} 0 R >> >>"
        )
    };
    let forms: Vec<(String, &[u8])> = (6..46).map(|next| (form(next), &b"/X Do /X Do"[..])).collect();
    let mut more: Vec<(&str, &[u8])> =
        forms.iter().map(|(dictionary, data)| (dictionary.as_str(), *data)).collect();
    more.push(("/Type /XObject /Subtype /Form /BBox [0 0 200 100]", b"0 0 50 50 re f"));
    pdf("/XObject << /X 5 0 R >>", ("", b"/X Do"), &more)
}

fn pages_without_end_are_ended() {
    elsewhere();
    let begun = Instant::now();
    for _ in 0..6 {
        let error = drawn(endless(), &within(1)).unwrap_err();
        assert!(matches!(error, DocumentError::TimedOut(_)), "{error}");
        assert!(!error.is_lasting());
    }
    assert!(begun.elapsed() < Duration::from_secs(150), "{:?}", begun.elapsed());
    // Nothing of them runs on.
    assert_eq!(drawn(pdf("", ("", b"0 0 50 50 re f"), &[]), &within(60)).unwrap().len(), 1);
    let children =
        std::fs::read_to_string(format!("/proc/self/task/{}/children", std::process::id())).unwrap();
    assert_eq!(children.trim(), "");
}

fn it_is_called_off_at_once() {
    elsewhere();
    let stop = Arc::new(AtomicBool::new(false));
    let asked = stop.clone();
    let reading = Reading::new(Limits::default(), move || asked.load(Ordering::Relaxed));
    let begun = Instant::now();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(500));
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(drawn(endless(), &reading).unwrap_err(), DocumentError::Cancelled);
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

fn what_is_wrong_with_a_document_is_told() {
    elsewhere();
    let reading = within(60);
    assert_eq!(facts(Vec::new(), KIND, &reading).unwrap_err(), DocumentError::Empty);
    let error = facts(fixture("encrypted.pdf"), KIND, &reading).unwrap_err();
    assert_eq!(error, DocumentError::Encrypted(KIND));
    let error = read(b"%PDF-1.7\nnothing".to_vec(), KIND, &reading).unwrap_err();
    assert!(matches!(error, DocumentError::Broken { .. }), "{error}");
}
