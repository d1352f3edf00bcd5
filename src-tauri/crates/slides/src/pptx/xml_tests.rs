use super::*;

#[test]
fn lengths_are_whole_units_of_a_presentation() {
    assert_eq!([emu(1.0), emu(1024.0), emu(0.5), emu(-2.25)], [9_525, 9_753_600, 4_763, -21_431]);
    assert_eq!(
        [emu(f64::NAN), emu(f64::INFINITY), emu(1e12), emu(-1e12)],
        [0, 0, 2_000_000_000, -2_000_000_000]
    );
    // 16 pixels are 12 points.
    assert_eq!([points(16.0), points(0.0), points(-1.0), points(f64::NAN)], [1_200, 0, -75, 0]);
    assert_eq!([share(1.0), share(0.333_333), share(f64::NAN)], [100_000, 33_333, 0]);
}

#[test]
fn angles_lie_within_one_turn() {
    assert_eq!([angle(0.0), angle(90.0), angle(-90.0), angle(450.0)], [0, 5_400_000, 16_200_000, 5_400_000]);
    assert_eq!([angle(360.0), angle(359.999_999_9), angle(-0.000_000_1)], [0, 0, 0]);
    assert_eq!([angle(f64::NAN), angle(f64::INFINITY)], [0, 0]);
}

#[test]
fn text_is_what_xml_can_hold() {
    assert_eq!(text("a < b && \"c\" > 'd'"), "a &lt; b &amp;&amp; &quot;c&quot; &gt; 'd'");
    assert_eq!(text("one\ttwo\r\nthree"), "one two  three");
    assert_eq!(text("\u{0}\u{1}x\u{8}\u{b}\u{1f}\u{fffe}y\u{ffff}"), "xy");
    assert_eq!(text("世界 🚲 \u{202e}שלום"), "世界 🚲 \u{202e}שלום");
    // Whatever comes, a reader gets the letters back.
    let every: String = (0..=0x11_000_u32).filter_map(char::from_u32).collect();
    let whole = format!("<t>{}</t>", text(&every));
    let mut reader = quick_xml::Reader::from_str(&whole);
    let mut read = String::new();
    loop {
        match reader.read_event().unwrap() {
            quick_xml::events::Event::Text(piece) => read.push_str(&piece.xml10_content()),
            quick_xml::events::Event::GeneralRef(name) => {
                let name = name.xml10_content();
                read.push_str(quick_xml::escape::resolve_predefined_entity(&name).unwrap());
            }
            quick_xml::events::Event::Eof => break,
            _ => {}
        }
    }
    let kept = |letter: &char| *letter >= ' ' && !matches!(letter, '\u{fffe}' | '\u{ffff}');
    assert_eq!(read.trim_start(), every.chars().filter(kept).collect::<String>().trim_start());
}
