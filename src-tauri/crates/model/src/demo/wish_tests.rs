use super::*;

#[test]
fn requests_are_told_apart_in_both_languages() {
    for (words, site_stands, expected) in [
        ("Make a website about it", false, Intent::Site),
        ("Make a website about a running club's to-do list", false, Intent::Site),
        ("Build a dark website about tea", true, Intent::Site),
        ("Turn this CSV into a website", true, Intent::Site),
        ("用这个表格做一个网站", false, Intent::Site),
        ("做一个关于茶的网页，用绿色", true, Intent::Site),
        ("Make slides about tea", false, Intent::Slides),
        ("Make slides about blue whales", true, Intent::Slides),
        ("Make slides about our website", true, Intent::Slides),
        ("Make a website about my slides", true, Intent::Site),
        ("Create a dark presentation on tea", true, Intent::Slides),
        ("做一个关于茶的幻灯片", true, Intent::Slides),
        ("做一份介绍绿茶的演示文稿", true, Intent::Slides),
        ("Make the slides dark", true, Intent::Change),
        ("把幻灯片改成蓝色", true, Intent::Change),
        ("Make it dark", true, Intent::Change),
        ("Make it dark", false, Intent::Change),
        ("Change the colour to blue", true, Intent::Change),
        ("change the heading to “Hello”", true, Intent::Change),
        ("Please use a light theme", true, Intent::Change),
        ("Now in green, please", true, Intent::Change),
        ("Make the page's background dark blue", true, Intent::Change),
        ("把颜色改成蓝色", true, Intent::Change),
        ("换成深色", true, Intent::Change),
        ("标题改成“你好”", true, Intent::Change),
        ("Make a to-do list: buy milk", true, Intent::Todo),
        ("Plan a weekend in Hangzhou", false, Intent::Todo),
        ("列一个待办清单", false, Intent::Todo),
        ("Run a command", true, Intent::Command),
        ("运行一条命令", false, Intent::Command),
        ("Continue.", true, Intent::Continue),
        ("继续", false, Intent::Continue),
        ("What is the capital of France?", true, Intent::Other),
        ("你好", true, Intent::Other),
        ("", false, Intent::Other),
    ] {
        assert_eq!(intent(words, false, site_stands), expected, "{words}");
    }
    assert_eq!(intent("", true, false), Intent::Site);
    assert_eq!(intent("看看这个", true, true), Intent::Site);
    assert_eq!(intent("Make slides about this file", true, false), Intent::Slides);
    assert_eq!(intent("count its lines with a command", true, false), Intent::Command);
}

fn style(
    dark: Option<bool>,
    accent: Option<&str>,
    background: Option<&str>,
    title: Option<&str>,
) -> [Option<String>; 4] {
    [
        dark.map(|dark| dark.to_string()),
        accent.map(Into::into),
        background.map(Into::into),
        title.map(Into::into),
    ]
}

#[test]
fn looks_are_read_from_the_words() {
    for (words, expected) in [
        ("Make it dark", style(Some(true), None, None, None)),
        ("light mode please", style(Some(false), None, None, None)),
        ("make it dark and blue", style(Some(true), Some("#1f5fbf"), None, None)),
        ("Change the colour to #A1b2C3.", style(None, Some("#a1b2c3"), None, None)),
        ("a dark green accent", style(None, Some("#1a5a39"), None, None)),
        ("give it a pink background", style(None, None, Some("#d6336c"), None)),
        ("blue headings on a yellow background", style(None, Some("#1f5fbf"), Some("#d4a017"), None)),
        (
            "Change the title to Spring Sales and make it red.",
            style(None, Some("#c0392b"), None, Some("Spring Sales")),
        ),
        ("Change the title to “Green tea”", style(None, None, None, Some("Green tea"))),
        ("rename it to Summer", style(None, None, None, Some("Summer"))),
        ("Call it Winter!", style(None, None, None, Some("Winter"))),
        ("Set the heading's colour to red", style(None, Some("#c0392b"), None, None)),
        ("把标题改成春季销售，换成紫色", style(None, Some("#7d3c98"), None, Some("春季销售"))),
        ("背景换成蓝色", style(None, None, Some("#1f5fbf"), None)),
        ("深色模式", style(Some(true), None, None, None)),
        ("make it dark\nno, light", style(Some(false), None, None, None)),
        ("A website about green tea, in red", style(None, Some("#c0392b"), None, None)),
        ("anything", style(None, None, None, None)),
    ] {
        let Style { dark, accent, background, title } = Style::of(words);
        let found =
            [dark.map(|dark| dark.to_string()), accent.map(Colour::hex), background.map(Colour::hex), title];
        assert_eq!(found, expected, "{words}");
    }
}

#[test]
fn topics_files_commands_tasks_and_folders_are_found() {
    assert_eq!(
        topic("Make a website about Green Tea, please", Language::English).as_deref(),
        Some("Green Tea")
    );
    assert_eq!(topic("A site about tea in dark blue with photos", Language::English).as_deref(), Some("tea"));
    assert_eq!(topic("A site about tea in China", Language::English).as_deref(), Some("tea in China"));
    assert_eq!(topic("make a website about it", Language::English), None);
    assert_eq!(topic("做一个关于西湖的网站", Language::Chinese).as_deref(), Some("西湖"));
    assert_eq!(subject("Make slides about Green Tea", Language::English).as_deref(), Some("Green Tea"));
    assert_eq!(subject("Make slides", Language::English), None);
    assert_eq!(subject("做一个关于西湖的幻灯片", Language::Chinese).as_deref(), Some("西湖"));
    assert_eq!(subject("做一份介绍绿茶的演示文稿，用绿色", Language::Chinese).as_deref(), Some("绿茶"));
    assert_eq!(
        named_file("Make a site from data/sales-2025.csv, please").as_deref(),
        Some("data/sales-2025.csv")
    );
    assert_eq!(named_file("用sales.csv做一个网站").as_deref(), Some("sales.csv"));
    assert_eq!(named_file("a .csv file"), None);
    assert_eq!(named_command("run `ls -la | head`"), Some("ls -la | head"));
    assert_eq!(named_command("run ls"), None);
    assert_eq!(tasks("To-do: buy milk, call Ann and pay rent."), ["buy milk", "call Ann", "pay rent"]);
    assert_eq!(tasks("我的待办：买纸、打电话，订房"), ["买纸", "打电话", "订房"]);
    assert_eq!(tasks("My tasks\n1. 3 eggs\n- bread"), ["3 eggs", "bread"]);
    assert_eq!(tasks("plan my week"), Vec::<String>::new());
    assert_eq!(slug("Green  Tea & Cups!", "site"), "green-tea-cups");
    assert_eq!(slug("西湖", "deck"), slug("西湖", "deck"));
    assert!(slug("西湖", "deck").starts_with("deck-"));
    assert_eq!(slug("../../etc", "site"), "etc");
}
