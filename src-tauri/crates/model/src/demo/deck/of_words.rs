//! A deck of the user's words alone. It invents nothing: it says what was asked, and shows facts about itself.

use super::{Chart, Deck, Grid, List, Quote, SLIDES, count_words};
use crate::demo::language::Language;

/// The deck of a subject. `words` is what the user wrote.
pub(crate) fn of_words(language: Language, title: &str, words: &str) -> Deck {
    let notes: [String; SLIDES] = language
        .say(
            [
                "Welcome everybody and say what this is about. The demo model wrote no facts about the subject, because it knows none.",
                "Three things to say: what the deck holds, what it is made of, and what can be done with it.",
                "Each row is a slide of this deck. Open the presentation and click on the table: its cells can be edited.",
                "The bars count the words of these notes, one bar a slide, so the figures are true.",
                "Read the request aloud, and ask what the deck should say instead.",
            ],
            [
                "欢迎大家，说明今天的主题。演示模型没有写任何关于主题的事实，因为它一无所知。",
                "讲三点：这份幻灯片有什么、由什么组成、可以拿它做什么。",
                "每一行对应一张幻灯片。打开演示文稿并点击表格，单元格可以直接编辑。",
                "这些条形统计的是每张幻灯片备注的字数，所以数字是真实的。",
                "读出用户的要求，再问问大家希望这里写些什么。",
            ],
        )
        .map(str::to_owned);
    let points: [(&str, [&str; 2]); 3] = language.say(
        [
            (
                "What it holds",
                ["A cover, a list, a table, a chart, a quotation", "Speaker notes on every slide"],
            ),
            (
                "What it is made of",
                ["Your own words, and facts about this deck", "Nothing is made up about the subject"],
            ),
            (
                "What you can do",
                ["Ask for other colours or another title", "Edit text, table and chart in the .pptx"],
            ),
        ],
        [
            ("这里有什么", ["封面、列表、表格、图表和引文", "每张幻灯片都有演讲者备注"]),
            ("由什么组成", ["您自己的话，以及关于这份幻灯片的事实", "没有编造任何关于主题的内容"]),
            ("可以做什么", ["要求更换颜色或标题", "在 .pptx 里编辑文字、表格和图表"]),
        ],
    );
    let names: [&str; SLIDES] = language
        .say(["Cover", "List", "Table", "Chart", "Quotation"], ["封面", "列表", "表格", "图表", "引文"]);
    let becomes: [[&str; 2]; SLIDES] = language.say(
        [
            ["A heading on a ground of colour", "Title and text"],
            ["A list in a list", "Bullets on two levels"],
            ["A table", "A table with cells"],
            ["A drawing in SVG", "Shapes and text"],
            ["A quotation", "Text beside a line"],
        ],
        [
            ["彩色背景上的标题", "标题和文本"],
            ["嵌套列表", "两级项目符号"],
            ["表格", "带单元格的表格"],
            ["SVG 图形", "形状和文字"],
            ["引文", "线条旁的文本"],
        ],
    );
    let columns: [&str; 3] =
        language.say(["Slide", "In the page", "In the presentation"], ["幻灯片", "在网页中", "在演示文稿中"]);
    let bars = names.iter().zip(&notes).map(|(name, notes)| {
        let count = count_words(notes);
        ((*name).to_owned(), count as f64, count.to_string())
    });
    Deck {
        language,
        title: title.to_owned(),
        kicker: language.say("A deck of your own words", "只包含您自己的话").to_owned(),
        lead: language
            .say(
                "The demo model knows nothing about the subject; a connected model writes the content.",
                "演示模型对主题一无所知；连接真实模型后，它会撰写内容。",
            )
            .to_owned(),
        list: List {
            title: language.say("How this deck is built", "这份幻灯片的结构").to_owned(),
            points: points
                .iter()
                .map(|(point, below)| {
                    ((*point).to_owned(), below.iter().map(|text| (*text).to_owned()).collect())
                })
                .collect(),
            number: SLIDES.to_string(),
            unit: language.say("slides", "张幻灯片").to_owned(),
        },
        grid: Grid {
            title: language.say("What each slide becomes", "每张幻灯片会变成什么").to_owned(),
            columns: columns.iter().map(|name| ((*name).to_owned(), false)).collect(),
            rows: names
                .iter()
                .zip(becomes)
                .map(|(name, [page, presentation])| {
                    vec![(*name).to_owned(), page.to_owned(), presentation.to_owned()]
                })
                .collect(),
            remark: String::new(),
        },
        chart: Chart {
            title: language.say("Words in the speaker notes", "演讲者备注的字数").to_owned(),
            bars: bars.collect(),
            remark: language.say("Counted in this deck.", "由这份幻灯片统计得出。").to_owned(),
        },
        quote: Quote {
            title: language.say("What you asked for", "您的要求").to_owned(),
            text: format!("“{}”", words.trim()),
            by: language.say("Your message to the demo model", "您发给演示模型的消息").to_owned(),
        },
        notes,
    }
}
