use super::*;

fn whole(bytes: &[u8]) -> Option<Encoding> {
    Encoding::detect(bytes, Extent::Whole)
}

/// Chinese, long enough to be recognised.
const CHINESE: &str = "这是一个用于测试的文本文件，里面有一些常用的汉字。";

#[test]
fn byte_order_marks_decide() {
    assert_eq!(whole(b"\xef\xbb\xbfa"), Some(Encoding::Utf8Marked));
    assert_eq!(whole(b"\xff\xfea\0"), Some(Encoding::Utf16(Order::Little)));
    assert_eq!(whole(b"\xfe\xff\0a"), Some(Encoding::Utf16(Order::Big)));
}

#[test]
fn text_is_told_from_bytes() {
    assert_eq!(whole(b"plain\ttext\r\n\x1b[1mbold\x1b[0m"), Some(Encoding::Utf8));
    assert_eq!(whole("é字😀".as_bytes()), Some(Encoding::Utf8));
    assert_eq!(whole(b"text with \0"), None);
    assert_eq!(whole(&(0..=255).filter(|byte| *byte != 0).collect::<Vec<u8>>()), None);
}

#[test]
fn a_start_may_end_within_a_character() {
    let bytes = "字字字".as_bytes();
    assert_eq!(Encoding::detect(&bytes[..8], Extent::Start), Some(Encoding::Utf8));
}

#[test]
fn a_damaged_place_does_not_make_utf_8_something_else() {
    let mut bytes = CHINESE.repeat(3).into_bytes();
    bytes.extend_from_slice(b"\xff!");
    assert_eq!(whole(&bytes), Some(Encoding::Utf8));
    assert_eq!(Encoding::Utf8.decode(&bytes), None);
}

#[test]
fn every_encoding_survives_the_round_trip() {
    let (gbk, _, lost) = encoding_rs::GBK.encode(CHINESE);
    assert!(!lost);
    let (latin, ..) = encoding_rs::WINDOWS_1252.encode("Le café est très agréable, même à Noël.");
    let utf_16: Vec<u8> =
        [vec![0xff, 0xfe], "字😀\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect()].concat();
    for (bytes, name) in [
        (gbk.as_ref(), "GBK"),
        (latin.as_ref(), "windows-1252"),
        (&utf_16, "UTF-16, little endian"),
        ("\u{feff}a".as_bytes(), "UTF-8 with a byte order mark"),
        ("字".as_bytes(), "UTF-8"),
    ] {
        let encoding = whole(bytes).unwrap();
        assert_eq!(encoding.name(), name);
        let text = encoding.decode(bytes).unwrap();
        assert!(!text.contains(['\u{feff}', '\u{fffd}']), "{text}");
        assert_eq!(encoding.encode(&text).unwrap(), bytes);
    }
}

#[test]
fn what_an_encoding_lacks_is_named() {
    assert_eq!(Encoding::Legacy(encoding_rs::GBK).encode("字 😀"), Err('😀'));
    assert_eq!(Encoding::Utf16(Order::Little).decode(b"\xff\xfea"), None);
    assert_eq!(Encoding::Utf16(Order::Little).decode(b"\xff\xfe\x00\xd8"), None);
}
