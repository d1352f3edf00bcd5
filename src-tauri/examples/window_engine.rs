//! Converts decks with the window's engine: `window_engine DECK.html OUT.pptx …`. Needs a display.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[cfg(target_os = "linux")]
fn main() {
    use std::sync::Arc;

    gtk::init().unwrap();
    let pairs: Vec<String> = std::env::args().skip(1).collect();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        for pair in pairs.chunks(2) {
            let deck = std::path::PathBuf::from(&pair[0]).canonicalize().unwrap();
            let folder = deck.parent().unwrap().to_path_buf();
            let files = okcvm_slides::DeckFiles::new(
                std::fs::read(&deck).unwrap(),
                deck.file_name().unwrap().to_str().unwrap(),
                Arc::new(move |path| std::fs::read(folder.join(path)).ok()),
            );
            let start = std::time::Instant::now();
            let converted = runtime.block_on(okcvm_slides::convert(
                files,
                &okcvm_desktop::offscreen::Offscreen,
                "2026-01-01T00:00:00Z",
                &|_| {},
            ));
            let converted = converted.unwrap();
            std::fs::write(&pair[1], converted.pptx).unwrap();
            println!("{} {:?}\n{}", pair[0], start.elapsed(), okcvm_slides::in_short(&converted.report));
        }
        std::process::exit(0);
    });
    gtk::main();
}

#[cfg(not(target_os = "linux"))]
fn main() {}
