use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use super::*;

/// A page that is dirty already is written through a mapping without a new time of its file.
#[test]
fn what_a_mapping_left_without_a_new_stamp_is_not_written_over() {
    const WRITER: &str = "import mmap, sys\n\
                          file = open(sys.argv[1], 'r+b')\n\
                          mapped = mmap.mmap(file.fileno(), 0)\n\
                          for text in sys.stdin:\n mapped[0:5] = text.strip().encode()\n print(text, end='', flush=True)";
    let place = place();
    place.write("data", "empty");
    let base = place.snapshot();
    let file = place.root.join("data");
    let mut writer = Command::new("python3")
        .args(["-c", WRITER])
        .arg(&file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(writer.stdout.take().unwrap());
    let mut input = writer.stdin.take().unwrap();
    let mut write = |text: &str| {
        writeln!(input, "{text}").unwrap();
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        assert_eq!(line.trim(), text);
    };
    write("first");
    let stamp = || fs::metadata(&file).map(|metadata| (metadata.ctime(), metadata.ctime_nsec())).unwrap();
    // What is written right before a record is read again by the next one, whatever its stamp.
    std::thread::sleep(Duration::from_millis(100));
    let first = place.record(Some(&base)).snapshot;
    let before = stamp();
    write("later");
    if stamp() == before {
        let unseen = place.record(Some(&first)).snapshot;
        if unseen == first {
            assert_eq!(refused(&place, &first, &base), ["data"]);
        }
    }
    // Whoever tries again has it recorded, and it comes back.
    let later = place.record(Some(&first)).snapshot;
    assert_ne!(later, first);
    restore_all(&place, &later, &base).unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), "empty");
    restore_all(&place, &base, &later).unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), "later");
    drop(input);
    writer.wait().unwrap();
}
