//! Says what this model is, what it can do, and how to get another.

use crate::demo::{conversation::Conversation, language::Language};

pub(crate) fn closing(conversation: &Conversation) -> String {
    match conversation.language {
        Language::English => "I am the demo model of OKCVM: a script inside the app, not a language model, so I cannot answer that. What I can do, with the real tools of this app, is:

- **A website from a file:** drop a CSV or a text file on the window and ask for a website about it.
- **A website from your words:** “Make a website about tea”.
- **Slides, and a PowerPoint file of them:** “Make slides about tea”, or drop a CSV and ask for slides about it.
- **Change site or slides:** “Make it dark”, “Change the colour to blue”, “Change the title to Spring sales”.
- **A to-do list:** “Make a to-do list: buy paper, call Ann, book the room”.
- **A command that fails and is put right:** “Run a command”.

For everything else connect a real model: open the settings, choose Models, and enter the address, the model's name and your key. A model server on this machine (Ollama, LM Studio, llama.cpp) is found there by itself."
            .to_owned(),
        Language::Chinese => "我是 OKCVM 的演示模型：应用内置的一段脚本，不是语言模型，所以无法回答这个问题。我能用这个应用的真实工具做这些事：

- **用文件做网站：** 把 CSV 或文本文件拖进窗口，然后要求用它做一个网站。
- **用您的话做网站：** “做一个关于茶的网站”。
- **幻灯片和 PowerPoint 文件：** “做一个关于茶的幻灯片”，或拖入 CSV 再要求用它做幻灯片。
- **修改网站或幻灯片：** “改成深色”、“把颜色改成蓝色”、“把标题改成春季销售”。
- **待办清单：** “做一个待办清单：买纸、打电话、订会议室”。
- **一条会失败、然后被纠正的命令：** “运行一条命令”。

其他事情请连接真实模型：打开设置，选择“模型”，填写地址、模型名称和密钥。本机上的模型服务（Ollama、LM Studio、llama.cpp）会自动被发现。"
            .to_owned(),
    }
}
