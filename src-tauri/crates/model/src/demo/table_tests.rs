use super::*;

fn table(text: &str) -> Table {
    Table::parse(text, |column| format!("Column {column}"))
}

fn strings(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

#[test]
fn numbered_text_gives_the_file_back_without_the_readers_remarks() {
    let read = "     1\tname,note\n     2\t\"a\tb\",\"two\n     3\tlines, 7 of them\"\n     4\t\n[Lines 1 to 4 of 90 lines. Continue with offset 5.]\n[Line ends: CRLF.]\n";
    let text = NumberedText::parse(read);
    assert_eq!(text.text(), "name,note\n\"a\tb\",\"two\nlines, 7 of them\"\n");
    assert_eq!((text.next, text.cut), (Some(5), 0));
    let rows = table(&text.text()).rows;
    assert_eq!(rows, [strings(&["a\tb", "two\nlines, 7 of them"])]);
}

#[test]
fn a_cut_line_loses_the_mark_and_is_counted() {
    let text =
        NumberedText::parse("     1\tlong… [cut: the line has 2,000 characters]\n     2\tnot […] cut\n");
    assert_eq!((text.text().as_str(), text.cut, text.next), ("long\nnot […] cut", 1, None));
}

#[test]
fn words_without_numbers_are_no_lines() {
    assert_eq!(NumberedText::parse("/mnt/okcomputer/a.csv is empty."), NumberedText::default());
}

#[test]
fn tables_of_every_shape_are_read() {
    let empty = Table::default();
    assert_eq!(table(""), empty);
    assert_eq!(table("\n\n"), empty);
    let one = table("name\nAnn\n\nBob\n");
    assert_eq!((one.columns, one.rows), (strings(&["name"]), vec![strings(&["Ann"]), strings(&["Bob"])]));
    let head_only = table("a,b\n");
    assert_eq!((head_only.columns, head_only.rows.len()), (strings(&["a", "b"]), 0));
    let quoted = table("\u{feff}名称;备注\n\"a;b\";\"say \"\"hi\"\"\"\n短");
    assert_eq!(quoted.columns, strings(&["名称", "备注"]));
    assert_eq!(quoted.rows, [strings(&["a;b", "say \"hi\""]), strings(&["短", ""])]);
    let tabs = table("a\tb, c\n1\t2\n");
    assert_eq!(tabs.columns, strings(&["a", "b, c"]));
    let bare = table("1,2\n3,4,5\n");
    assert_eq!(bare.columns, strings(&["Column 1", "Column 2", "Column 3"]));
    assert_eq!(bare.rows, [strings(&["1", "2", ""]), strings(&["3", "4", "5"])]);
    assert_eq!(table("a,,c\n1,2,3").columns, strings(&["a", "Column 2", "c"]));
}

#[test]
fn numbers_are_read_as_people_write_them() {
    for (text, value) in [
        ("12", Some((12.0, 0))),
        (" -1,234.50 ", Some((-1234.5, 2))),
        ("$3.5", Some((3.5, 1))),
        ("¥1,000", Some((1000.0, 0))),
        ("45%", Some((45.0, 0))),
        (".5", Some((0.5, 1))),
        ("1,23", None),
        ("1234,567", None),
        ("", None),
        ("-", None),
        ("1.2.3", None),
        ("2024-01-02", None),
        ("１２", None),
    ] {
        assert_eq!(number(text), value, "{text:?}");
    }
    assert_eq!(written(1_234_567.891, 2), "1,234,567.89");
    assert_eq!((written(-0.001, 2).as_str(), written(-12.0, 0).as_str()), ("0.00", "-12"));
}

#[test]
fn figures_are_those_of_the_rows() {
    let table =
        table("id,year,item,price,note\n1,2023,tea,\"1,000.5\",x\n2,2024,cup,-0.5,\n3,2024,tea,3,7\n");
    let price = Numbers { count: 3, minimum: -0.5, maximum: 1000.5, sum: 1003.0, decimals: 1 };
    assert_eq!(table.measures(), [(3, price)]);
    let bars =
        Bars { label: Some(2), summed: true, values: vec![("tea".into(), 1003.5), ("cup".into(), -0.5)] };
    assert_eq!(table.bars(3), bars);
}
