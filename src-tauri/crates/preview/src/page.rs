//! Pages that say in plain words why there is nothing to show. They hold no script and nothing that was asked for.

/// Why there is nothing to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The preview is closed, or the address is none of ours.
    Closed,
    /// There is no such file.
    Missing,
    /// There is a folder without `index.html`.
    NoIndex,
    /// The file lies outside of the site.
    Outside,
    /// It cannot be read.
    Unreadable,
    /// The moment that it belongs to is no longer kept.
    Forgotten,
    /// It is too large for a preview.
    TooLarge,
    /// The page has asked for more than is answered at a time.
    TooMany,
    /// Only GET and HEAD are answered.
    Method,
    /// The part that was asked for does not exist.
    Range,
    /// The address belongs to no deployed site.
    UnknownSite,
    /// The request is for another host.
    Misdirected,
}

impl Refusal {
    pub(crate) fn status(self) -> http::StatusCode {
        match self {
            Self::Closed | Self::Missing | Self::NoIndex | Self::Forgotten | Self::UnknownSite => {
                http::StatusCode::NOT_FOUND
            }
            Self::Outside => http::StatusCode::FORBIDDEN,
            Self::Unreadable => http::StatusCode::INTERNAL_SERVER_ERROR,
            Self::TooLarge => http::StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooMany => http::StatusCode::TOO_MANY_REQUESTS,
            Self::Method => http::StatusCode::METHOD_NOT_ALLOWED,
            Self::Range => http::StatusCode::RANGE_NOT_SATISFIABLE,
            Self::Misdirected => http::StatusCode::MISDIRECTED_REQUEST,
        }
    }

    fn words(self) -> [(&'static str, &'static str); 2] {
        match self {
            Self::Closed => [
                ("This preview is closed", "Open it again from the files or the conversation."),
                ("此预览已关闭", "请从文件列表或对话中重新打开。"),
            ],
            Self::Missing => [
                (
                    "There is no such file",
                    "The page asked for a file that is not in this folder. It may not be written yet, or its name may be spelled differently.",
                ),
                ("没有这个文件", "页面请求的文件不在此文件夹中。可能尚未生成，或文件名拼写不同。"),
            ],
            Self::NoIndex => [
                (
                    "There is no index.html in this folder",
                    "A site begins with index.html. The preview appears as soon as the file is there.",
                ),
                ("此文件夹中没有 index.html", "网站从 index.html 开始。文件出现后预览会自动显示。"),
            ],
            Self::Outside => [
                (
                    "This file lies outside of the site",
                    "A link leads out of the folder, and files outside of it are not shown.",
                ),
                ("此文件位于网站之外", "有链接指向文件夹之外，其中的文件不会显示。"),
            ],
            Self::Unreadable => [
                (
                    "This file cannot be read",
                    "It may have been removed or changed at this moment. Load the page again.",
                ),
                ("无法读取此文件", "文件可能刚刚被删除或修改。请重新加载页面。"),
            ],
            Self::Forgotten => [
                (
                    "The files of this moment are not kept any more",
                    "Old moments are dropped when the history takes too much room. The conversation stays.",
                ),
                ("此时刻的文件已不再保留", "历史记录占用空间过多时会删除较旧的时刻。对话仍会保留。"),
            ],
            Self::TooLarge => [
                (
                    "This file is too large for the preview",
                    "Files over 64 MB are served in parts only. Publish the site, or open the file with another program.",
                ),
                ("文件过大，无法预览", "超过 64 MB 的文件只能分段提供。请发布网站，或用其他程序打开文件。"),
            ],
            Self::TooMany => [
                (
                    "The page asks for too much at once",
                    "Thousands of its requests wait already. Load the page again.",
                ),
                ("页面一次请求过多", "已有数千个请求在等待。请重新加载页面。"),
            ],
            Self::Method => [
                (
                    "Only reading is possible here",
                    "There is no program behind this site that could take what a form sends.",
                ),
                ("此处只能读取", "此网站背后没有可以接收表单的程序。"),
            ],
            Self::Range => [
                ("This part of the file does not exist", "The file is shorter than what was asked for."),
                ("文件没有这一部分", "文件比请求的范围短。"),
            ],
            Self::UnknownSite => [
                ("There is no such site", "It may have been deleted. Publish it again to get a new address."),
                ("没有这个网站", "它可能已被删除。请重新发布以获得新地址。"),
            ],
            Self::Misdirected => [
                (
                    "Nothing is served under this name",
                    "Every published site has an address of its own that ends in .localhost.",
                ),
                ("此名称下没有任何内容", "每个已发布的网站都有自己的地址，以 .localhost 结尾。"),
            ],
        }
    }

    /// The page.
    pub(crate) fn html(self) -> String {
        let [(title, text), (title_zh, text_zh)] = self.words();
        document(
            title,
            "",
            &format!(
                "<h1>{title}</h1><p>{text}</p><hr><h1 lang=\"zh\">{title_zh}</h1><p lang=\"zh\">{text_zh}</p>"
            ),
        )
    }
}

/// A page that leads on to the folder of the same name. A custom scheme cannot redirect by its status.
pub(crate) fn leads_to(address: &str) -> String {
    let address = address.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
    document(
        "…",
        &format!("<meta http-equiv=\"refresh\" content=\"0; url={address}\">"),
        &format!("<p><a href=\"{address}\">…</a></p>"),
    )
}

fn document(title: &str, head: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">{head}<title>{title}</title><style>\
         :root{{color-scheme:light dark}}body{{font:15px/1.6 system-ui,sans-serif;max-width:34em;margin:15vh auto;padding:0 1.5em}}\
         h1{{font-size:1.15em}}hr{{border:0;border-top:1px solid;opacity:.2;margin:1.5em 0}}</style></head><body>{body}</body></html>"
    )
}
