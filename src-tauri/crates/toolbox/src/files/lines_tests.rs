use super::*;

fn pick(text: &[u8], first: u64, limit: u64, step: usize) -> Picked {
    let mut lines = Lines::new(Encoding::Utf8, first, limit);
    for chunk in text.chunks(step) {
        lines.feed(chunk);
    }
    lines.finish()
}

#[test]
fn lines_are_numbered_whatever_pieces_they_come_in() {
    for step in [1, 2, 3, 100] {
        let picked = pick("a\r\n字\n\nlast".as_bytes(), 1, 10, step);
        assert_eq!(
            picked,
            Picked {
                text: "     1\ta\n     2\t字\n     3\t\n     4\tlast\n".to_owned(),
                shown: 4,
                total: 4,
                cut_lines: 0,
                return_ends: 1
            },
            "in steps of {step}"
        );
    }
}

#[test]
fn a_window_of_lines_is_shown_and_all_are_counted() {
    let text = (1..=250).map(|number| format!("line {number}")).collect::<Vec<_>>().join("\n");
    let picked = pick(text.as_bytes(), 120, 2, 7);
    assert_eq!(picked.text, "   120\tline 120\n   121\tline 121\n");
    assert_eq!((picked.shown, picked.total), (2, 250));
    assert_eq!(pick(text.as_bytes(), 251, 2, 7).shown, 0);
}

#[test]
fn a_huge_line_is_cut_and_its_length_told() {
    let text = format!("{}\r\nshort\n", "字".repeat(2_000_000));
    let picked = pick(text.as_bytes(), 1, 10, 65_536);
    let expected =
        format!("     1\t{}… [cut: the line has 2,000,000 characters]\n     2\tshort\n", "字".repeat(1_000));
    assert_eq!(picked.text, expected);
    assert_eq!(picked.cut_lines, 1);
    let exact = pick("x".repeat(1_000).as_bytes(), 1, 1, 999);
    assert_eq!((exact.cut_lines, exact.text.len()), (0, 1_008));
}

#[test]
fn the_output_is_bounded_at_a_line_end() {
    let text = format!("{}\n", "x".repeat(900)).repeat(500);
    let picked = pick(text.as_bytes(), 1, 500, 10_000);
    assert!(picked.text.len() <= OUTPUT_CHARACTERS);
    assert_eq!(picked.shown, (OUTPUT_CHARACTERS / 908) as u64);
    assert_eq!(picked.total, 500);
    assert!(picked.text.ends_with("x\n"));
}
