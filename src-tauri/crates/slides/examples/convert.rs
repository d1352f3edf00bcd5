//! Converts a deck: `convert DECK.html OUT.pptx`.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::expect_used)]
use std::sync::Arc;

fn main() {
    okcvm_sandbox::run_helper_if_asked();
    tokio::runtime::Runtime::new().unwrap().block_on(work());
}

async fn work() {
    let mut args = std::env::args().skip(1);
    let chromium =
        okcvm_slides::Chromium::find(okcvm_sandbox::Sandbox::probe(std::env::current_exe().unwrap()), None)
            .unwrap();
    let pairs: Vec<String> = args.by_ref().collect();
    for pair in pairs.chunks(2) {
        let deck = std::path::PathBuf::from(&pair[0]).canonicalize().unwrap();
        let folder = deck.parent().unwrap().to_path_buf();
        let files = okcvm_slides::DeckFiles::new(
            std::fs::read(&deck).unwrap(),
            deck.file_name().unwrap().to_str().unwrap(),
            Arc::new(move |path| std::fs::read(folder.join(path)).ok()),
        );
        let start = std::time::Instant::now();
        let done = okcvm_slides::convert(files, &chromium, "2026-01-01T00:00:00Z", &|_| {}).await.unwrap();
        std::fs::write(&pair[1], done.pptx).unwrap();
        println!(
            "{} {:?} {:?}\n{}",
            pair[0],
            start.elapsed(),
            done.report.slides.iter().map(|slide| slide.similarity.unwrap_or(0.0)).collect::<Vec<_>>(),
            okcvm_slides::in_short(&done.report)
        );
    }
}
