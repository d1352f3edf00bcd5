use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use okcvm_workspace::{Workspace, WorkspacePath};
use tempfile::TempDir;

use super::*;
use crate::Source;

fn material(folder: &TempDir, name: &str, bytes: &[u8]) -> Material {
    fs::write(folder.path().join(name), bytes).unwrap();
    opened(folder, name)
}

fn opened(folder: &TempDir, name: &str) -> Material {
    let workspace = Workspace::open(folder.path()).unwrap();
    Source::Live { workspace, path: WorkspacePath::parse(name).unwrap() }.open().unwrap()
}

fn list(material: &Material) -> Result<ArchiveListing, PreviewError> {
    list_archive(material, &Wanted::default())
}

/// An archive whose entries hold what they say.
fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = Vec::new();
    let mut directory = Vec::new();
    for (name, content) in files {
        let mut deflate = DeflateEncoder::new(Vec::new(), Compression::best());
        deflate.write_all(content).unwrap();
        let packed = deflate.finish().unwrap();
        let mut common = Vec::new();
        common.extend(20_u16.to_le_bytes());
        common.extend(0x0800_u16.to_le_bytes());
        common.extend(8_u16.to_le_bytes());
        // 12:30:10 on the 5th of March 2024.
        common.extend((12_u16 << 11 | 30 << 5 | 5).to_le_bytes());
        common.extend((44_u16 << 9 | 3 << 5 | 5).to_le_bytes());
        common.extend(crc(content).to_le_bytes());
        common.extend((packed.len() as u32).to_le_bytes());
        common.extend((content.len() as u32).to_le_bytes());
        common.extend((name.len() as u16).to_le_bytes());
        common.extend(0_u16.to_le_bytes());
        let at = archive.len() as u32;
        archive.extend(b"PK\x03\x04");
        archive.extend(&common);
        archive.extend(name.as_bytes());
        archive.extend(packed);
        directory.extend(b"PK\x01\x02\x14\x03");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(at.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (at, length, count) = (archive.len() as u32, directory.len() as u32, files.len() as u16);
    archive.extend(directory);
    archive.extend(b"PK\x05\x06\0\0\0\0");
    archive.extend(count.to_le_bytes());
    archive.extend(count.to_le_bytes());
    archive.extend(length.to_le_bytes());
    archive.extend(at.to_le_bytes());
    archive.extend(0_u16.to_le_bytes());
    archive
}

fn crc(bytes: &[u8]) -> u32 {
    let mut sum = flate2::Crc::new();
    sum.update(bytes);
    sum.sum()
}

/// Entries in the format `ustar`, with the blocks of zeros at the end.
fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive: Vec<u8> =
        files.iter().flat_map(|(name, content)| tar_entry(name, content, b'0')).collect();
    archive.extend([0; 1024]);
    archive
}

fn tar_entry(name: &str, content: &[u8], kind: u8) -> Vec<u8> {
    let mut block = tar_header(name, content.len() as u64, kind).to_vec();
    block.extend(content);
    block.resize(block.len().div_ceil(512) * 512, 0);
    block
}

fn tar_header(name: &str, size: u64, kind: u8) -> [u8; 512] {
    let mut block = [0; 512];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    block[136..148].copy_from_slice(format!("{:011o}\0", 1_700_000_000).as_bytes());
    block[156] = kind;
    block[257..265].copy_from_slice(b"ustar\x0000");
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

#[test]
fn a_zip_is_listed_with_names_of_all_scripts() {
    let folder = TempDir::new().unwrap();
    let bytes = zip_of(&[("数据/表 ß.csv", b"a,b\n1,2\n"), ("leer/", b""), ("../hinaus.txt", b"x")]);
    let listing = list(&material(&folder, "ein Archiv 📦.zip", &bytes)).unwrap();
    let entry = &listing.entries[0];
    assert_eq!((entry.path.as_str(), entry.size, entry.folder), ("数据/表 ß.csv", 8, false));
    assert_eq!(entry.modified_at, Some(1_709_641_810_000));
    assert!(listing.entries[1].folder);
    assert_eq!((listing.total, listing.unpacked, listing.truncated), (3, 9, false));
    assert_eq!(listing.notes.len(), 1);
    assert!(listing.notes[0].contains("lead out"), "{:?}", listing.notes);
}

#[test]
fn a_bomb_is_named_and_not_inflated() {
    let folder = TempDir::new().unwrap();
    let zeros = vec![0; 256 * 1024 * 1024];
    let bytes = zip_of(&[("zeros", &zeros)]);
    assert!(bytes.len() < 2_000_000);
    let bomb = material(&folder, "bomb.zip", &bytes);
    let begun = std::time::Instant::now();
    let listing = list(&bomb).unwrap();
    assert!(begun.elapsed().as_millis() < 500, "{:?}", begun.elapsed());
    assert_eq!((listing.total, listing.unpacked), (1, 256 * 1024 * 1024));
    assert!(listing.notes[0].contains("200 times"), "{:?}", listing.notes);
}

#[test]
fn many_entries_are_counted_and_the_first_are_named() {
    let folder = TempDir::new().unwrap();
    let names: Vec<String> = (0..30_000).map(|number| format!("folder/file-{number:06}.txt")).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    let listing = list(&material(&folder, "many.zip", &zip_of(&files))).unwrap();
    assert_eq!((listing.entries.len(), listing.total, listing.truncated), (10_000, 30_000, true));
}

#[test]
fn a_tar_is_listed_plain_and_compressed() {
    let folder = TempDir::new().unwrap();
    let long = "très/long/".repeat(20) + "fin.txt";
    let mut archive = tar_entry("././@LongLink", long.as_bytes(), b'L');
    archive.extend(tar_entry("cut", b"12345", b'0'));
    let record = "23 path=数据/表.txt\n";
    assert_eq!(record.len(), 23);
    archive.extend(tar_entry("pax", record.as_bytes(), b'x'));
    archive.extend(tar_entry("other", &[7; 1_000], b'0'));
    archive.extend(tar_entry("folder/", b"", b'5'));
    archive.extend([0; 1024]);
    for (name, bytes) in [("a.tar", archive.clone()), ("a.tar.gz", gz(&archive))] {
        let listing = list(&material(&folder, name, &bytes)).unwrap();
        let found: Vec<_> =
            listing.entries.iter().map(|entry| (entry.path.as_str(), entry.size, entry.folder)).collect();
        assert_eq!(found, [(long.as_str(), 5, false), ("数据/表.txt", 1_000, false), ("folder/", 0, true)]);
        assert_eq!(listing.entries[0].modified_at, Some(1_700_000_000_000));
        assert!(!listing.truncated);
    }
}

#[test]
fn a_huge_tar_is_passed_over_and_not_read() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("huge.tar");
    let mut file = fs::File::create(&path).unwrap();
    let size = 20_u64 << 30;
    // Base 256, as for sizes that have no room in octal.
    let mut header = tar_header("huge", 0, b'0');
    header[124] = 0x80;
    header[125..128].fill(0);
    header[128..136].copy_from_slice(&size.to_be_bytes());
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    file.write_all(&header).unwrap();
    file.set_len(512 + size + 1024).unwrap();
    let begun = std::time::Instant::now();
    let listing = list(&opened(&folder, "huge.tar")).unwrap();
    assert!(begun.elapsed().as_millis() < 500);
    assert_eq!((listing.total, listing.unpacked, listing.truncated), (1, size, false));
}

#[test]
fn a_compressed_tar_that_swells_is_read_so_far_and_no_further() {
    let folder = TempDir::new().unwrap();
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(&tar_entry("small", b"1", b'0')).unwrap();
    packer.write_all(&tar_header("swells", 1 << 32, b'0')).unwrap();
    let zeros = vec![0; 1024 * 1024];
    for _ in 0..300 {
        packer.write_all(&zeros).unwrap();
    }
    let listing = list(&material(&folder, "bomb.tgz", &packer.finish().unwrap())).unwrap();
    assert_eq!((listing.total, listing.truncated), (2, true));
    assert!(listing.notes.iter().any(|note| note.contains("256 MB")), "{:?}", listing.notes);
}

#[test]
fn damaged_archives_are_errors_or_say_where_they_break_off() {
    let folder = TempDir::new().unwrap();
    let zip = zip_of(&[("a", b"1"), ("b", b"2")]);
    for (name, bytes) in [
        ("empty.zip", Vec::new()),
        ("cut.zip", zip[..zip.len() - 30].to_vec()),
        ("text.zip", b"this is no archive".to_vec()),
        ("broken.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03garbage".to_vec()),
    ] {
        let error = list(&material(&folder, name, &bytes)).unwrap_err().to_app_error();
        assert!(error.message.starts_with(name), "{error:?}");
    }
    let tar = tar_of(&[("first", &[1; 2_000]), ("second", &[2; 2_000])]);
    let listing = list(&material(&folder, "cut.tar", &tar[..3_000])).unwrap();
    assert!(listing.truncated && listing.notes[0].contains("breaks off"), "{listing:?}");
}

#[test]
fn listing_is_called_off() {
    let folder = TempDir::new().unwrap();
    let names: Vec<String> = (0..1_000).map(|number| number.to_string()).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    let wanted = Wanted::default();
    wanted.call_off();
    let error = list_archive(&material(&folder, "a.zip", &zip_of(&files)), &wanted).unwrap_err();
    assert!(matches!(error, PreviewError::Cancelled));
}

fn archive(name: &str) -> Vec<u8> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/fixtures/archives");
    fs::read(folder.join(name)).unwrap()
}

fn entries(listing: &ArchiveListing) -> Vec<(&str, u64, bool)> {
    let mut entries: Vec<_> = listing
        .entries
        .iter()
        .map(|entry| (entry.path.trim_end_matches('/'), entry.size, entry.folder))
        .collect();
    entries.sort_unstable();
    entries
}

const PACKED: [(&str, u64, bool); 5] = [
    ("empty.txt", 0, false),
    ("notes", 0, true),
    ("notes/bare", 0, true),
    ("notes/plan.txt", 920, false),
    ("notes/计划.md", 9, false),
];

#[test]
fn archives_of_other_programs_are_listed() {
    let folder = TempDir::new().unwrap();
    for name in ["files.7z", "files.tar.xz", "files.tar.zst", "files.tar.bz2"] {
        let listing = list(&material(&folder, name, &archive(name))).unwrap();
        assert_eq!(entries(&listing), PACKED, "{name}");
        assert_eq!((listing.truncated, listing.unpacked), (false, 929), "{name}");
        assert_eq!(listing.notes, Vec::<String>::new(), "{name}");
        let plan = listing.entries.iter().find(|entry| entry.path == "notes/plan.txt").unwrap();
        assert_eq!(plan.modified_at, Some(1_709_641_810_000), "{name}");
    }
}

#[test]
fn what_is_locked_says_so() {
    let folder = TempDir::new().unwrap();
    let listing = list(&material(&folder, "a.7z", &archive("locked.7z"))).unwrap();
    assert_eq!(entries(&listing), PACKED);
    assert_eq!(listing.notes, ["3 of its files are encrypted with a password."]);
    let listing = list(&material(&folder, "b.7z", &archive("names-locked.7z"))).unwrap();
    assert_eq!((listing.total, listing.truncated), (0, true));
    assert_eq!(listing.notes, ["The names of its files are encrypted with a password."]);
    let listing = list(&material(&folder, "c.rar", b"Rar!\x1a\x07\x01\0 and more")).unwrap();
    assert_eq!((listing.total, listing.truncated), (0, true));
    assert!(listing.notes[0].starts_with("It is a RAR archive"), "{:?}", listing.notes);
}

#[test]
fn one_compressed_file_is_counted() {
    let folder = TempDir::new().unwrap();
    for (name, size) in [("words.txt.xz", 1_200), ("words.txt.zst", 2_400)] {
        let bytes = archive(name);
        let listing = list(&material(&folder, name, &bytes)).unwrap();
        assert_eq!(entries(&listing), [("words.txt", size, false)], "{name}");
        assert_eq!(listing.entries[0].packed, Some(bytes.len() as u64));
    }
}

#[test]
fn a_damaged_archive_has_words_and_no_end_of_the_program() {
    let folder = TempDir::new().unwrap();
    for name in
        ["files.7z", "names-locked.7z", "files.tar.xz", "files.tar.zst", "files.tar.bz2", "words.txt.zst"]
    {
        let whole = archive(name);
        for length in 0..whole.len() {
            let _ = list(&material(&folder, name, &whole[..length]));
        }
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x7f;
            let _ = list(&material(&folder, name, &bytes));
        }
    }
    // Numbers that nothing stands behind.
    let mut bytes = b"7z\xbc\xaf\x27\x1c\0\x04\0\0\0\0".to_vec();
    bytes.extend(u64::MAX.to_le_bytes());
    bytes.extend((1_u64 << 40).to_le_bytes());
    bytes.extend([0; 4]);
    assert!(list(&material(&folder, "huge.7z", &bytes)).is_err());
    let mut bytes = b"7z\xbc\xaf\x27\x1c\0\x04\0\0\0\0".to_vec();
    let header = [1, 5, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0];
    bytes.extend(0_u64.to_le_bytes());
    bytes.extend((header.len() as u64).to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(header);
    assert!(list(&material(&folder, "many.7z", &bytes)).is_err());
}

#[test]
fn what_swells_is_unpacked_no_further_than_the_bound() {
    let folder = TempDir::new().unwrap();
    // 300 MB of zeros as 2,400 blocks of one byte that is repeated (RFC 8878, section 3.1.1.2).
    let mut bomb = b"\x28\xb5\x2f\xfd\x00\x38".to_vec();
    for _ in 0..2_400 {
        bomb.extend(((128_u32 * 1024) << 3 | 1 << 1).to_le_bytes()[..3].iter());
        bomb.push(0);
    }
    bomb.extend([1, 0, 0]);
    let begun = std::time::Instant::now();
    let listing = list(&material(&folder, "bomb.zst", &bomb)).unwrap();
    assert!(listing.truncated, "{listing:?}");
    assert_eq!(listing.notes[0], "It becomes more than 256 MB; it was unpacked no further.");
    assert!(listing.notes[1].starts_with("Unpacked it would be more than 200 times"), "{listing:?}");
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
}

#[test]
fn a_list_of_long_names_is_cut_by_its_bytes() {
    let folder = TempDir::new().unwrap();
    let long = "n".repeat(3_000);
    let names: Vec<String> = (0..2_000).map(|number| format!("{long}{number}")).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    let listing = list(&material(&folder, "a.zip", &zip_of(&files))).unwrap();
    assert_eq!((listing.total, listing.truncated), (2_000, true));
    let bytes: usize = listing.entries.iter().map(|entry| entry.path.len()).sum();
    assert!((1_900_000..=MAX_LISTED_BYTES).contains(&bytes), "{bytes}");
}
