use super::*;
use crate::demo::table::Table;

fn table(text: &str) -> Table {
    Table::parse(text, |column| format!("Column {column}"))
}

fn source(language: Language) -> DeckSource<'static> {
    DeckSource { language, title: "Sales", name: "sales.csv", partial: false }
}

#[test]
fn a_table_fills_its_slides_with_computed_figures() {
    let deck = of_table(&source(Language::English), &table("Region,Units\nNorth,12\nSouth,7\nNorth,3\n"));
    assert_eq!(
        deck.list.points,
        [("Units".to_owned(), vec!["Sum 22".to_owned(), "From 3 to 12, 7.3 on average".to_owned()])]
    );
    assert_eq!(
        deck.chart.bars,
        [("North".to_owned(), 15.0, "15".to_owned()), ("South".to_owned(), 7.0, "7".to_owned())]
    );
    assert_eq!(deck.quote.text, "North is in front with 15: Units by Region (summed).");
    let page = deck_page(&deck, &Style::default());
    assert_eq!(page.matches("<section class=\"ppt-slide").count(), SLIDES);
    assert_eq!(page.matches("<aside class=\"notes\">").count(), SLIDES);
    for part in [
        "<title>Sales</title>",
        "3 rows and 2 columns from sales.csv",
        "<th class=\"number\">Units</th>",
        "<td>South</td><td class=\"number\">7</td>",
        "font-weight=\"bold\">15</text>",
    ] {
        assert!(page.contains(part), "{part} is missing in {page}");
    }
}

#[test]
fn words_of_a_table_are_counted_where_nothing_is_measured() {
    let deck = of_table(&source(Language::English), &table("Name,Town\nAnn,Hull\nBo,Hull\nAnn,Leeds\n"));
    assert_eq!(deck.chart.title, "Rows by Name");
    assert_eq!(deck.chart.bars[0], ("Ann".to_owned(), 2.0, "2".to_owned()));
    assert_eq!(deck.list.points[1], ("Town".to_owned(), vec!["Different values: 2".to_owned()]));
    let empty = of_table(&source(Language::Chinese), &table("姓名,城市\n"));
    assert!(empty.chart.bars.is_empty() && empty.quote.text.contains("还没有数据行"));
    assert!(deck_page(&empty, &Style::default()).contains("</svg>"));
}

#[test]
fn what_a_slide_cannot_hold_is_cut_and_said() {
    let rows: String = (0..40).map(|row| format!("name {row},{row},a,b,c,d,e,f\n")).collect();
    let deck = of_table(&source(Language::English), &table(&format!("n,v,p,q,r,s,t,u\n{rows}")));
    assert_eq!((deck.grid.rows.len(), deck.grid.columns.len()), (7, 6));
    assert_eq!(deck.grid.remark, "7 of 40 rows, 6 of 8 columns");
    assert_eq!(deck.chart.bars.len(), 8);
    assert_eq!(deck.chart.bars[0].0, "name 39");
    assert!(deck.chart.remark.starts_with("The 8 largest of 40"));
    assert_eq!(fitted("a  long\nline of words", 10), "a long li…");
    assert_eq!(fitted("很长的中文标题", 8), "很长的…");
    assert_eq!(fitted("short", 5), "short");
}

#[test]
fn markup_and_negative_values_do_no_harm() {
    let deck = of_table(
        &source(Language::English),
        &table("Name,Gain\n<script>alert(1)</script>,-5\n\"</svg>\",10\n"),
    );
    let page = deck_page(&deck, &Style::default());
    assert!(!page.contains("<script>alert") && page.matches("</svg>").count() == 1, "{page}");
    assert!(page.contains(">-5</text>") && !page.contains("width=\"-"), "{page}");
}

#[test]
fn a_text_is_shown_by_its_headings_or_paragraphs() {
    let text = "# Tea\n\nTea is a drink. It is old.\n\n## Green\n\nNot fermented.\n\n### Gunpowder\n\nRolled.\n\n## Black\n\nFermented, for long.\n";
    let deck = of_text(&source(Language::English), text);
    let names: Vec<&str> = deck.list.points.iter().map(|point| point.0.as_str()).collect();
    assert_eq!(names, ["Tea", "Green", "Black"]);
    assert_eq!(deck.list.points[1].1, ["Gunpowder"]);
    assert_eq!(deck.quote.text, "Tea is a drink.");
    assert_eq!(deck.grid.rows[2][2], "4");
    let plain = of_text(&source(Language::Chinese), "第一段的话。第二句。\n更多\n\n另一段\n");
    assert_eq!(plain.list.points[0], ("第一段的话。第二句。".to_owned(), vec!["更多".to_owned()]));
    assert_eq!(plain.quote.text, "第一段的话。");
    assert_eq!(plain.list.number, "13");
}

#[test]
fn words_alone_make_a_deck_about_itself() {
    for (language, words) in
        [(Language::English, "Make slides about tea"), (Language::Chinese, "做一个关于茶的幻灯片")]
    {
        let deck = of_words(language, "Tea", words);
        assert!(deck.quote.text.contains(words));
        for ((_, value, _), notes) in deck.chart.bars.iter().zip(&deck.notes) {
            assert_eq!(*value, count_words(notes) as f64);
            assert!(*value > 10.0);
        }
        assert_eq!(deck.grid.rows.len(), SLIDES);
    }
}
