//! The few words that the desktop shows outside of the page, in the language of the window.

use okcvm_protocol::Language;

/// What is worded here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    /// Title of the dialog for files to add.
    ChooseFiles,
    /// Title of the dialog for a folder to work in.
    ChooseFolder,
    /// Title of the dialog for a copy to save.
    SaveCopy,
    /// A turn was completed.
    Done,
    /// A turn failed.
    Failed,
    /// A turn was stopped.
    Stopped,
    /// The agent asks something.
    Asks,
}

/// The word in the language that the settings name.
pub(crate) fn word(word: Word, language: Language) -> &'static str {
    let chinese = match language {
        Language::Zh => true,
        Language::En => false,
        Language::System => speaks_chinese(|name| std::env::var(name).ok()),
    };
    match (word, chinese) {
        (Word::ChooseFiles, false) => "Add files",
        (Word::ChooseFiles, true) => "添加文件",
        (Word::ChooseFolder, false) => "Work in this folder",
        (Word::ChooseFolder, true) => "在此文件夹中工作",
        (Word::SaveCopy, false) => "Save a copy of this moment",
        (Word::SaveCopy, true) => "保存此刻的副本",
        (Word::Done, false) => "Done.",
        (Word::Done, true) => "已完成。",
        (Word::Failed, false) => "The turn failed.",
        (Word::Failed, true) => "这一轮失败了。",
        (Word::Stopped, false) => "The turn was stopped.",
        (Word::Stopped, true) => "这一轮已停止。",
        (Word::Asks, false) => "The agent asks for your permission.",
        (Word::Asks, true) => "智能体请求您的许可。",
    }
}

/// What the desktop says about its language, in the order in which `GLib` (and with it the page) reads it.
fn speaks_chinese(variable: impl Fn(&str) -> Option<String>) -> bool {
    ["LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .filter_map(variable)
        .find(|value| !value.is_empty())
        .is_some_and(|value| value.starts_with("zh"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_says_something_decides() {
        let told = |set: &'static [(&str, &str)]| {
            speaks_chinese(move |name| {
                set.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert!(told(&[("LANG", "zh_CN.UTF-8")]));
        assert!(told(&[("LANGUAGE", ""), ("LANG", "zh_CN.UTF-8")]));
        assert!(told(&[("LANGUAGE", "zh:en"), ("LANG", "en_GB.UTF-8")]));
        assert!(!told(&[("LC_ALL", "C.UTF-8"), ("LANG", "zh_CN.UTF-8")]));
        assert!(!told(&[]));
    }

    #[test]
    fn the_setting_goes_before_the_desktop() {
        assert_eq!(word(Word::Done, Language::En), "Done.");
        assert_eq!(word(Word::Done, Language::Zh), "已完成。");
    }
}
