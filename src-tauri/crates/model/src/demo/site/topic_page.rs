//! A page of the user's words alone. It invents nothing: it says what was asked and what a real model adds.

use std::fmt::Write as _;

use super::{Page, document, escaped};
use crate::demo::language::Language;

/// The document of a page about a topic.
pub(crate) fn topic_page(language: Language, title: &str, words: &str) -> String {
    let steps: [&str; 4] = language.say(
        [
            "The demo model read your words and planned the work.",
            "It wrote index.html, style.css and script.js with the file tool.",
            "It published the folder on this machine, at an address of its own.",
            "Ask for other colours, dark mode or another title, and it edits these files.",
        ],
        [
            "演示模型读取了您的要求并制定了计划。",
            "它用文件工具写出了 index.html、style.css 和 script.js。",
            "它把这个文件夹发布在本机的独立地址上。",
            "您可以要求更换颜色、深色模式或标题，它会修改这些文件。",
        ],
    );
    let mut body = format!(
        "<section>\n<h2>{}</h2>\n<blockquote>{}</blockquote>\n</section>\n<section>\n<h2>{}</h2>\n<ol>\n",
        language.say("What you asked for", "您的要求"),
        escaped(words),
        language.say("How this page was made", "这个页面是怎样做出来的"),
    );
    for step in steps {
        let _ = writeln!(body, "<li>{}</li>", escaped(step));
    }
    let _ = write!(
        body,
        "</ol>\n</section>\n<section>\n<h2>{}</h2>\n<p>{}</p>\n<p><input class=\"search\" data-notes=\"#notes\" placeholder=\"{}\"> <button type=\"button\">{}</button></p>\n<ul id=\"notes\"></ul>\n</section>\n",
        language.say("Notes", "笔记"),
        language.say("They stay until the page is closed.", "页面关闭后笔记会消失。"),
        language.say("A note on this topic", "关于这个主题的笔记"),
        language.say("Add", "添加"),
    );
    let lead = language.say(
        "A page of your own words. The demo model knows nothing about the topic; a connected model writes the content.",
        "这个页面只包含您自己的话。演示模型对主题一无所知；连接真实模型后，它会为您撰写内容。",
    );
    let foot = language.say("Made by the demo model of OKCVM.", "由 OKCVM 演示模型生成。");
    document(&Page { language, title, lead, body: &body, foot })
}
