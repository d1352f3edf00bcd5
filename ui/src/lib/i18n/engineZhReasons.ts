/** Reasons that stand inside of other sentences, in Chinese. */
export const reasonSentences: Record<string, string> = {
  // Why a document is too large
  'its compressed parts hold more than {} MB': '解压后的内容超过 {} MB',
  'its archive has more than {} entries': '压缩包中的条目超过 {} 个',
  'it has more than {} elements': '元素超过 {} 个',
  'its part {} has more than {} elements': '其中的部分 {} 元素超过 {} 个',
  'the elements of its part {} stand more than {} deep in each other': '其中的部分 {} 元素嵌套超过 {} 层',
  'its groups stand more than {} deep': '分组嵌套超过 {} 层',
  'the file has more than {} MB': '文件超过 {} MB',
  'reading it takes more than {} MB of memory': '读取需要超过 {} MB 内存',

  // What is wrong with a document
  'its archive is damaged or cut off (the index at its end cannot be read)':
    '压缩包已损坏或不完整（无法读取末尾的索引）',
  'its part {} is not well-formed XML: {}': '其中的部分 {} 不是格式正确的 XML：{}',
  'has no part {}': '缺少部分 {}',
  'names no package': '没有指明内容包',
  'is cut off after its head': '在文件头之后中断',
  'is not valid JSON ({})': '不是有效的 JSON（{}）',
  'has no body': '没有正文',
  'has no page that can be found': '找不到任何页面',
  'its list of objects is damaged or cut off': '对象列表已损坏或不完整',

  // What the window's engine says of JSON
  'JSON Parse error: {}': 'JSON 解析错误：{}',
  'Unable to parse JSON string': '无法解析 JSON',
  'Unexpected EOF': '内容意外结束',
  'Unterminated string': '字符串没有结束',
  'Unexpected identifier {}': '意外的标识符 {}',
  'Unexpected token {}': '意外的符号 {}',
  'Unrecognized token {}': '无法识别的符号 {}',
  'Property name must be a string literal': '属性名必须是字符串',
  'Expected {}': '应为 {}',
  'Invalid escape character {}': '无效的转义字符 {}',

  // What keeps a page from being laid out
  'load the page, whose scripts seem to run without end': '加载页面（其脚本似乎永不结束）',
  'measure the page, which is very large or whose scripts run without end': '测量页面（页面过大，或其脚本永不结束）',

  // What became of slides
  'marker of a list': '列表的项目符号',
  'a table that runs from right to left is kept as it looks: the Tab key goes through its cells from left to right':
    '从右到左的表格保持其外观：Tab 键按从左到右的顺序经过单元格',
  'a table has no round corners in a presentation: they are square': '演示文稿中的表格没有圆角：已变为直角',
};
