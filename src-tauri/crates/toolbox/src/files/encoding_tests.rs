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

#[test]
fn a_short_text_may_be_written_in_several() {
    let others = |bytes: &[u8]| -> Vec<&'static str> {
        let guess = whole(bytes).unwrap();
        let mut names: Vec<_> = guess.others(bytes, Extent::Whole).into_iter().map(Encoding::name).collect();
        names.push(guess.name());
        names.sort_unstable();
        names
    };
    let gbk = |text: &str| encoding_rs::GBK.encode(text).0.into_owned();
    for short in ["订单,数量\n苹果,3\n", "你好", "姓名\n"] {
        let names = others(&gbk(short));
        assert!(names.len() > 1 && names.contains(&"GBK"), "{short}: {names:?}");
    }
    assert_eq!(others(&gbk(CHINESE)), ["GBK"]);
    assert_eq!(others(&gbk("姓名,城市\n王小明,北京市\n李大红,上海市\n")), ["GBK"]);
    let (latin, ..) = encoding_rs::WINDOWS_1252.encode("Le café est très agréable, même à Noël.");
    assert_eq!(others(&latin), ["ISO-8859-2", "windows-1252"]);
    assert_eq!(others(&latin.repeat(6)), ["windows-1252"]);
    let japanese = "これは日本語で書かれた文章です。漢字とひらがながあります。";
    assert_eq!(others(&encoding_rs::SHIFT_JIS.encode(japanese).0), ["Shift_JIS"]);
    assert_eq!(others(&encoding_rs::EUC_JP.encode(japanese).0), ["EUC-JP"]);
    let korean = "이것은 한국어로 쓰인 문장입니다. 여러 글자가 있습니다.";
    assert_eq!(others(&encoding_rs::EUC_KR.encode(korean).0), ["EUC-KR"]);
    let russian = "Это простой текст на русском языке, достаточно длинный.";
    assert_eq!(others(&encoding_rs::WINDOWS_1251.encode(russian).0), ["windows-1251"]);
    assert!(whole("字".as_bytes()).unwrap().others("字".as_bytes(), Extent::Whole).is_empty());
}
