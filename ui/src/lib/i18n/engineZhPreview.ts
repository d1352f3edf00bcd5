/** What the engine says about files that are looked at. `{}` is a part that is kept. */
export const previewSentences: Record<string, string> = {
  // Why something is not shown
  'There is no file {}.': '没有文件 {}。',
  '{} is not a file.': '{} 不是文件。',
  '{} is larger than {} MB, which is the most that can be shown.': '{} 超过 {} MB，无法显示。',
  'Open it with another program.': '请用其他程序打开。',
  'Open them with another program.': '请用其他程序打开。',
  '{} cannot be read.': '无法读取 {}。',
  '{} cannot be shown: it {}.': '无法显示 {}：{}。',
  '{} has changed since it was opened.': '{} 在打开之后已被修改。',
  'Open it again to see it as it is now.': '请重新打开以查看当前内容。',
  'This table is closed.': '此表格已关闭。',
  'Open it again.': '请重新打开。',
  '{} has no sheet named {}.': '{} 中没有名为 {} 的工作表。',
  'It was called off.': '操作已取消。',
  'is empty': '文件为空',
  'is damaged: the list of its files cannot be read': '文件已损坏：无法读取其文件列表',
  'is damaged: its compressed content cannot be read': '文件已损坏：无法读取压缩内容',
  'is damaged or cut off: the list of its files, which stands at its end, is not there':
    '文件已损坏或不完整：缺少位于末尾的文件列表',
  'is not an archive that is known here, or it is damaged': '不是可识别的压缩包，或已损坏',
  'is not a table: it holds bytes that are no text': '不是表格：其中含有非文本内容',
  'is not a table': '不是表格',
  'could not be read to its end: {}': '无法读到末尾：{}',

  // What is wrong with a document
  'is broken: it looks like a {} but {}': '文件已损坏：看似 {}，但 {}',
  'is a {} that is encrypted with a password; without the password it cannot be read':
    '这是用密码加密的 {}，没有密码无法读取',
  'is an Office document (docx, xlsx or pptx) that is encrypted with a password; without the password it cannot be read':
    '这是用密码加密的 Office 文档（docx、xlsx 或 pptx），没有密码无法读取',
  'cannot be read here: it is {}': '此处无法读取：这是 {}',
  'is too large to be read safely: {}': '文件过大，无法安全读取：{}',
  'took longer than {} seconds to read': '读取超过 {} 秒',
  'was not read to the end because the reading was stopped': '读取已停止，未读到末尾',
  'could not be read: the parser for a {} broke down on it': '无法读取：解析 {} 时出错',
  'The file {}.': '{}。',
  'The document {}.': '{}。',

  // Tables
  'The table could not be read to its end: {}.': '表格无法读到末尾：{}。',
  'Its first row does not end within 4 MB: a quotation mark may be missing at the end of a cell.':
    '第一行在 4 MB 内没有结束：某个单元格末尾可能缺少引号。',
  'Cells with more than {} characters are cut.': '超过 {} 个字符的单元格已截断。',
  'It has rows with more than {} cells; the rest of these is not shown.': '有的行超过 {} 个单元格，其余部分不显示。',
  'The sheet is too long to be shown whole: its later rows are left out.': '工作表过长，后面的行未显示。',
  'Columns behind the {}th are left out.': '第 {} 列之后的列未显示。',
  '{} rows or columns are shown here that the workbook hides.': '此处显示了工作簿中隐藏的 {} 行或列。',
  'This is not a table of text.': '这不是文本表格。',

  // Archives
  'is no film of which a frame is kept': '不是可保存画面的视频',
  'has a frame that is no picture of the agreed size': '画面不是约定大小的图片',
  'has a frame that cannot be read': '画面无法读取',
  'has a list of files that is too large to be read': '文件列表过大，无法读取',
  'is damaged or cut off: the list of its files at its end is missing': '文件已损坏或不完整：缺少末尾的文件列表',
  'has a list of files that is packed in a way that is not known here': '文件列表使用了此处不支持的压缩方式',
  'is damaged: the list of its files cannot be unpacked': '文件已损坏：文件列表无法解压',
  'It is a RAR archive, whose list is not read here. A program of this computer may open it.':
    '这是 RAR 压缩包，此处不读取其列表。本机的其他程序或许可以打开它。',
  'It becomes more than {} MB; it was unpacked no further.': '解压后超过 {} MB，其余未解压。',
  'It is damaged or cut off: it cannot be unpacked to its end.': '文件已损坏或不完整，无法解压到末尾。',
  'The names of its files are encrypted with a password.': '其中的文件名用密码加密。',
  'It has more than {} entries; the rest was not looked at.': '条目超过 {} 个，其余未查看。',
  '{} of its files are encrypted with a password.': '其中 {} 个文件用密码加密。',
  '{} of its names lead out of the folder that it would be unpacked into.': '其中 {} 个名称会指向解压文件夹之外。',
  'Unpacked it would be more than 200 times as large: it may be made to fill the disk.':
    '解压后会超过原来的 200 倍：它可能是用来占满磁盘的。',
  'Its list is too long to be read to the end.': '列表过长，无法读到末尾。',
  'It is damaged: the list of its files breaks off.': '文件已损坏：文件列表中断。',
  'It is damaged or cut off: the list of its files breaks off.': '文件已损坏或不完整：文件列表中断。',
  'Its list stands between its files; it was read as far as {} MB of them go.':
    '列表分布在文件之间；已读取其中 {} MB 内的部分。',

  // Pictures, sound, pages
  'The file is empty.': '文件为空。',
  'The picture cannot be read: {}.': '无法读取图片：{}。',
  'The picture is damaged, or of a format that is not decoded here.': '图片已损坏，或为此处无法解码的格式。',
  'The picture is damaged.': '图片已损坏。',
  'The picture is damaged: its decoder broke down.': '图片已损坏：解码时出错。',
  'The picture is damaged: {}.': '图片已损坏：{}。',
  'The picture is too large to be decoded safely.': '图片过大，无法安全解码。',
  'The picture has a form that is not decoded here.': '此处无法解码这种图片。',
  'The picture has {} megapixels ({} × {}), more than the {} that are decoded here.':
    '图片有 {} 百万像素（{} × {}），超过此处可解码的 {} 百万像素。',
  'The file is damaged: its decoder broke down.': '文件已损坏：解码时出错。',
  'The file is damaged, or of a format that is not decoded here.': '文件已损坏，或为此处无法解码的格式。',
  'There is neither sound nor moving pictures in it that are known here.': '其中没有可识别的声音或视频。',
  'A folder has no small picture.': '文件夹没有缩略图。',
  'The film is too large for a small picture.': '视频过大，无法制作缩略图。',
  'No frame of the film has been drawn yet; a window that can play it does so.':
    '尚未截取视频画面；可播放它的窗口会截取。',
  'Pages, slides and intricate drawings are drawn by a web engine, which has not been asked yet.':
    '网页、幻灯片和复杂的矢量图由网页引擎绘制，尚未请求。',
  'The page took too long to be drawn.': '绘制页面耗时过长。',
  'The small picture could not be made.': '无法生成缩略图。',

  // The web engine that lays pages out
  'There is no web engine that could lay the slides out. Install Chromium, Google Chrome or Microsoft Edge (on Debian: apt install chromium), or name one in OKCVM_BROWSER.':
    '没有可用于排版幻灯片的网页引擎。请安装 Chromium、Google Chrome 或 Microsoft Edge（Debian：apt install chromium），或在 OKCVM_BROWSER 中指定。',
  'The web engine {} does not start: {}': '网页引擎 {} 无法启动：{}',
  'The web engine ended while it worked on the slides: {}': '网页引擎在处理幻灯片时退出：{}',
  'The web engine could not {}: {}': '网页引擎无法完成“{}”：{}',
  'The web engine took longer than {} s to {}.': '网页引擎超过 {} 秒仍未完成“{}”。',
  'The page has no slides: no element has the class ppt-slide. Every slide must be an element like <div class="ppt-slide"> of 1024 by 576 pixels.':
    '页面中没有幻灯片：没有元素带有 ppt-slide 类。每张幻灯片必须是 1024×576 像素的 <div class="ppt-slide"> 元素。',
  'The page has {} slides; at most {} are converted.': '页面有 {} 张幻灯片；最多转换 {} 张。',
  'What was measured in the page cannot be read: {}': '无法读取对页面的测量结果：{}',
  'The presentation could not be put together: {}': '无法生成演示文稿：{}',
  'The conversion was called off.': '转换已取消。',
  'open a page': '打开页面',
  'load the page': '加载页面',
  'prepare the page': '准备页面',
  'measure the page': '测量页面',
  'take a picture': '截取图片',

  // What became of slides
  'inner shadows': '多重内阴影',
  'border image': '边框图片',
  'blurred background': '背景模糊',
  'conic gradient': '锥形渐变',
  'repeated gradient': '重复渐变',
  'filter {}': '滤镜 {}',
  'blend mode {}': '混合模式 {}',
  mask: '蒙版',
  'clip path': '裁剪路径',
  'rotation in space': '三维旋转',
  skew: '倾斜',
  'SVG with effects that shapes do not have': 'SVG 含有形状无法表现的效果',
  'text that cannot be seen left out: "{}"': '已省略不可见的文字：“{}”',
  'text that the page cuts off left out: "{}"': '已省略被页面截断的文字：“{}”',
  'more text that the page cuts off left out': '还省略了更多被页面截断的文字',
  'numbers of a list that does not count up from 1 are letters of its text': '未从 1 递增的列表，其编号写为文字',
  'drawn by a script': '由脚本绘制',
  video: '视频',
  '{} element': '{} 元素',
  'There is no small picture of such a file.': '此类文件没有缩略图。',
  'There is no small picture of such a document.': '此类文档没有缩略图。',
  'The file has more than {} MB, which is the most of which a small picture is made.': '文件超过 {} MB，不生成缩略图。',
  'No sound could be decoded.': '无法解码声音。',
  'The small picture was removed at this moment; ask again.': '缩略图刚刚被删除，请重试。',
  'The drawing is too large for a small picture.': '矢量图过大，无法生成缩略图。',
  'The drawing repeats itself so often that drawing it could take all memory.':
    '该矢量图重复引用自身过多次，绘制它可能耗尽内存。',
  'The file is no drawing in SVG.': '该文件不是 SVG 矢量图。',
  'The small picture could not be written: {}.': '无法写入缩略图：{}。',
  'Too many documents are still being drawn.': '仍有过多文档正在绘制。',
  'The system gave no thread to draw the page.': '系统没有提供用于绘制页面的线程。',
  'The document has no pages.': '文档没有页面。',
  'A page of the document is damaged.': '文档的某一页已损坏。',
  'A page took longer than {} seconds to draw.': '绘制一页超过 {} 秒。',
  'There are no slides in such a file.': '此类文件中没有幻灯片。',
  'There is no slide {}.': '没有第 {} 张幻灯片。',
  'Of a deck the first {} slides are drawn.': '只绘制演示文稿的前 {} 张幻灯片。',
  'Drawing these slides was called off.': '已取消绘制这些幻灯片。',
  'These slides took too long to be drawn.': '绘制这些幻灯片耗时过长。',
  'The small picture could not be kept.': '无法保存缩略图。',
  'The file was changed at this moment; ask again.': '文件刚刚被更改，请重试。',

  // Slides as pages
  'These slides cannot be shown as pages: LibreOffice is not installed.':
    '无法将这些幻灯片显示为页面：未安装 LibreOffice。',
  'Install LibreOffice (on Debian and Ubuntu: sudo apt install libreoffice-impress), then try again.':
    '请安装 LibreOffice（Debian 和 Ubuntu：sudo apt install libreoffice-impress），然后重试。',
  'These slides cannot be shown as pages: LibreOffice runs only behind the full sandbox, which this system does not allow.':
    '无法将这些幻灯片显示为页面：LibreOffice 只能在完整沙箱中运行，而此系统不允许。',
  'Open them with another program; `okcvm doctor` says what the sandbox lacks.':
    '请用其他程序打开；`okcvm doctor` 会说明沙箱缺少什么。',
  'These slides could not be turned into pages by LibreOffice.': 'LibreOffice 无法将这些幻灯片转换为页面。',
  'The file may be damaged or protected by a password.': '文件可能已损坏或受密码保护。',
  'LibreOffice took longer than a minute for these slides and was stopped.':
    'LibreOffice 处理这些幻灯片超过一分钟，已停止。',
  '{} is not a presentation.': '{} 不是演示文稿。',
  '{} is empty.': '{} 为空。',
  'The folder {} cannot be written.': '无法写入文件夹 {}。',
};
