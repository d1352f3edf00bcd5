use super::*;

fn written(write: impl FnOnce(&mut Writer)) -> String {
    let mut out = Writer::new(1_000_000);
    write(&mut out);
    out.finish().0
}

#[test]
fn blocks_stand_apart_and_entries_together() {
    let text = written(|out| {
        out.heading(1, "A\nB");
        out.item(0, "-", "one");
        out.item(1, "1.", "two\nlines");
        out.paragraph("end");
        out.heading(9, "deep");
    });
    assert_eq!(text, "# A B\n\n- one\n    1. two\n       lines\n\nend\n\n###### deep\n");
}

#[test]
fn cells_hold_bars_and_lines() {
    let row = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        table(&[row(&["a|b", "", ""]), row(&["1", "two\n\nlines"]), row(&["", ""])]),
        "| a\\|b |  |\n| --- | --- |\n| 1 | two<br>lines |"
    );
    assert_eq!(table(&[row(&["", " "])]), "");
}

#[test]
fn text_does_not_look_like_marks() {
    let text = written(|out| {
        out.paragraph("# no heading");
        out.paragraph("> Hidden text: no quotation");
        out.paragraph("1. no list");
        out.paragraph("- no list");
        out.paragraph(&escaped("2*3 <b> a<b `x`"));
    });
    assert_eq!(
        text,
        "\\# no heading\n\n\\> Hidden text: no quotation\n\n1\\. no list\n\n\\- no list\n\n2\\*3 \\<b> a\\<b \\`x\\`\n"
    );
}

#[test]
fn runs_keep_their_spaces_outside_of_marks() {
    let mut inline = Inline::default();
    let bold = Style { bold: true, ..Style::default() };
    inline.plain("a");
    inline.text(" b ", &bold);
    inline.text("c", &Style { link: Some("https://x.test/a (b)".into()), ..Style::default() });
    inline.hidden(Why::Colour, "no");
    inline.hidden(Why::Colour, "body");
    assert_eq!(
        inline.finish(),
        ("a **b** [c](https://x.test/a%20%28b%29)".to_owned(), vec![(Why::Colour, "nobody".to_owned())])
    );
}

#[test]
fn a_writer_stops_when_it_is_full() {
    let mut out = Writer::new(10);
    out.paragraph("字字字字字");
    assert!(out.is_full());
    out.paragraph("more");
    let (text, notes) = out.finish();
    assert_eq!(text, "字字字\n");
    assert_eq!(notes.remarks().len(), 1);
}
