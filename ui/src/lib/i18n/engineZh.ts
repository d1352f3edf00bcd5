import type { ErrorCode } from '$lib/ipc';
import { boundarySentences } from './engineZhBoundary';
import { permissionSentences } from './engineZhPermission';
import { previewSentences } from './engineZhPreview';
import { reasonSentences } from './engineZhReasons';
import { moreSentences } from './engineZhWords';

/** Failures that the engine marks with a code. `whole` says all that the engine's sentence does. */
export const errors: Record<ErrorCode, { message: string; hint?: string; whole?: true }> = {
  readOnly: {
    message: '此会话正由另一个程序打开。',
    hint: '在这里可以阅读；如需编辑，请先在那个程序中关闭它。',
    whole: true,
  },
  folderMissing: { message: '找不到此会话的文件夹。', hint: '请把它放回原处，或指定它现在的位置。' },
  notFound: { message: '找不到所需的内容。', hint: '它可能已被删除或移动，具体名称见详情。' },
  unauthorized: { message: '模型服务器没有接受密钥。', hint: '请在“模型”设置中填写有效的密钥，然后重试。' },
  busy: { message: '此会话有一轮正在运行。', hint: '请先停止它，或等它结束。', whole: true },
  noKeychain: {
    message: '无法使用系统钥匙串。',
    hint: '请在“密钥”设置中选择保存位置：本次运行的内存，或用口令加密的文件。也可以通过环境变量提供密钥。',
  },
  locked: { message: '密钥文件需要正确的口令。', hint: '请在“密钥”设置中输入口令，注意大小写。' },
  cancelled: { message: '您停止了这一轮。', whole: true },
  limitReached: { message: '这一轮达到了您设置的上限。', hint: '可以继续，或在“限制”设置中提高上限。' },
  programEnded: { message: '这一轮运行时程序退出了。', hint: '可以继续，或重试。', whole: true },
};

/** Sentences that the engine says word for word; `{}` stands for a part that is kept. */
export const sentences: Record<string, string> = {
  ...moreSentences,
  ...boundarySentences,
  ...permissionSentences,
  ...previewSentences,
  ...reasonSentences,

  // Why a tool cannot be used
  'Not available yet in this version.': '此版本中尚不可用。',

  // What the tools do
  'Runs a command line in a sandboxed shell.': '在沙箱中运行命令。',
  'Lists the open tabs of the browser.': '列出浏览器中打开的标签页。',
  'Runs Python in a kernel that keeps its state.': '在保留状态的内核中运行 Python。',
  'Makes a sound effect from a description.': '根据描述生成音效。',
  'Searches the web for pictures.': '在网上搜索图片。',
  'Describes a data source and what it can be asked.': '说明某个数据源以及可以查询的内容。',
  'Opens a page in the browser of this session.': '在此会话的浏览器中打开页面。',
  'Shows the to-do list of this conversation.': '查看此对话的待办清单。',
  'Asks a data source.': '查询数据源。',
  'Turns text into spoken sound.': '把文字转换为语音。',
  'Replaces the to-do list of this conversation.': '更新此对话的待办清单。',
  'Creates, replaces or extends a text file.': '创建、替换或追加文本文件。',
  'Makes a picture from a description.': '根据描述生成图片。',
  'Makes an editable .pptx from slides in HTML.': '把 HTML 幻灯片转换为可编辑的 .pptx。',
  'Publishes a folder as a website on this machine.': '把文件夹发布为本机上的网站。',
  'Searches the web.': '搜索网络。',
  'Scrolls the open page down.': '向下滚动打开的页面。',
  'Clicks an element of the open page.': '点击打开页面中的元素。',
  'Replaces an exact piece of text in a file.': '替换文件中的一段文字。',
  'Lists the voices for speech.': '列出可用的语音。',
  'Types into a field of the open page.': '在打开页面的输入框中输入。',
  'Reads a text, image or document file of the workspace.': '读取工作区中的文本、图片或文档文件。',
  'Finds text in the open page and scrolls to it.': '在打开的页面中查找文字并滚动到该处。',
  'Scrolls the open page up.': '向上滚动打开的页面。',

  // The sandbox
  'Full: namespaces, Landlock and a system call filter.': '完整：命名空间、Landlock 与系统调用过滤。',
  'Reduced: Landlock and a system call filter, without namespaces.': '部分：Landlock 与系统调用过滤，没有命名空间。',
  'None: {}': '无：{}',
  Namespaces: '命名空间',
  'System calls': '系统调用',
  'Private folder': '私有文件夹',
  'Not hidden: {} lies in {}, which every command can read.': '未隐藏：{} 位于 {} 之内，而每条命令都能读取后者。',
  'Set OKCVM_HOME to a folder elsewhere.': '请将 OKCVM_HOME 设为其他位置的文件夹。',
  'Local sockets': '本地套接字',
  "Code in Jupyter's kernel can speak to a local socket that another program keeps in the workspace or in a system folder that commands can read: Landlock stops that from version 9 on. Commands cannot, and sockets elsewhere are out of reach.":
    'Jupyter 内核中的代码可以连接其他程序放在工作区或命令可读的系统文件夹中的本地套接字：Landlock 从第 9 版起才会阻止。命令则不能，其他位置的套接字也都无法访问。',
  'Keep no sockets of services in a workspace, or use a newer Linux.':
    '请勿在工作区中存放服务的套接字，或使用更新的 Linux。',
  Network: '网络',
  Repositories: '代码仓库',
  'Hooks and settings of git repositories that are there when a command or a Python kernel starts are read-only to it, but to a command not those that an earlier one made and that hold nothing for git to run. Hooks, and settings that may run a program, that come into these, or into those that are made while a command or a cell runs, are put aside when it has ended; until then git may run them. What code of a kernel leaves between cells is told by the next one and stays.':
    '命令或 Python 内核启动时已有的 git 仓库，其钩子和设置对其只读；但由先前的命令建立、且其中没有任何会被 git 运行的内容的仓库，对命令不是只读的。新进入这类仓库，或进入在命令或单元运行期间新建的仓库的钩子，以及可能运行程序的设置，会在命令或单元结束时被移到一旁；在此之前，git 可能会运行它们。内核代码在单元之间留下的内容由下一个单元指出，并保持原样。',
  Ending: '结束',
  'Process limit': '进程数上限',
  Memory: '内存',
  'A control group of the kernel limits what a command has in all.': '内核的控制组限制一条命令总共使用的内存。',
  'The kernel limits each process, but not all of a command together: these are looked at again and again, and a command with too much is ended a moment later. How much of the memory that the whole machine shares is filled by the command is an estimate.':
    '内核限制每个进程，但不限制一条命令的全部进程：应用会反复查看总量，超出的命令会在片刻之后结束。整台电脑共享的内存中有多少是这条命令占用的，只是估计。',
  'Start the app in a session of systemd that hands the memory controller to its users, as desktops do.':
    '请在把内存控制器交给用户的 systemd 会话中启动应用，桌面环境通常如此。',
  Boundary: '隔离',
  'Commands have processes, users, mounts, host name and network of their own, and see the workspace as {}.':
    '命令拥有独立的进程、用户、挂载、主机名和网络，工作区显示为 {}。',
  'Filtered: mounts, tracing, keys, kernel modules and others are refused.':
    '已过滤：拒绝挂载、跟踪、密钥、内核模块等调用。',
  "None, loopback included, unless a session allows hosts; then through the app's proxy alone.":
    '无，回环也不可用；除非会话允许某些主机，此时只能通过应用的代理。',
  'None, loopback included, whatever a session allows.': '无，回环也不可用，无论会话允许什么。',
  'All processes of a command end with it, also if the app is killed.':
    '命令的所有进程随它一起结束，即使应用被强制退出。',
  'A reaper finds and ends all processes of a command, also if the app is killed; if the reaper is killed, too, the next start of the app ends them.':
    '回收程序会找到并结束命令的所有进程，即使应用被强制退出；如果回收程序也被强制退出，则在应用下次启动时结束它们。',
  'The number of processes of a command is limited.': '每条命令的进程数有上限。',
  'The number of processes of a command is not limited by the kernel; a command with too many is found and ended a moment later.':
    '内核没有限制每条命令的进程数；进程过多的命令会在片刻之后被发现并结束。',

  // Whom a session may speak to, and what runs
  'the reduced sandbox has no network of its own in which hosts could be told apart, so commands reach nobody':
    '受限沙箱没有可区分主机的独立网络，因此命令无法访问任何主机',
  'commands do not run here': '此处无法运行命令',
  '{}:{n} is not among the hosts that this session may speak to.': '{}:{n} 不在此会话允许访问的主机之列。',
  '{} is a name of the local network, which is refused unless it is listed.':
    '{} 是本地网络的名称，除非单独列出，否则一律拒绝。',
  '{} leads to {}, {}, which is refused unless that address is listed.':
    '{} 指向 {}（{}），除非单独列出该地址，否则一律拒绝。',
  'a loopback address': '回环地址',
  'a private address': '内网地址',
  'a link-local address': '链路本地地址',
  'a metadata service': '元数据服务',
  'a multicast address': '多播地址',
  'a reserved address': '保留地址',
  '{}:{n} could not be reached: {}.': '无法连接 {}:{n}：{}。',
  '{} could not be looked up: {}.': '无法解析 {}：{}。',
  '{} has no address.': '{} 没有地址。',
  'looking {} up took too long.': '解析 {} 耗时过长。',
  'the command has moved as many bytes as it may': '命令传输的数据量已达上限',
  'the connection lasted as long as it may': '连接时长已达上限',
  'nothing was said for too long': '连接空闲过久',
  'It has ended already.': '它已经结束。',
  'No host is named.': '没有列出主机。',
  'Name at least one host, or choose off.': '请至少列出一个主机，或选择关闭。',
  '{} hosts are more than the {} that fit.': '{} 个主机超过了上限 {}。',
  '“{}” is not a host: {}.': '“{}”不是主机：{}。',
  'Hosts are like example.com, *.example.com, example.com:8080, 192.168.1.10 or 10.0.0.0/8.':
    '主机形如 example.com、*.example.com、example.com:8080、192.168.1.10 或 10.0.0.0/8。',
  'Version {}: writing only in the workspace and in private temporary folders.':
    '版本 {}：只能写入工作区和私有临时文件夹。',
  'Not available: {}': '不可用：{}',
  'Not available: {}. Commands see the workspace under its real path, {} is not there.':
    '不可用：{}。命令看到的是工作区的真实路径，没有 {}。',
  'Not used, as asked for. Commands see the workspace under its real path, {} is not there.':
    '按要求未使用。命令看到的是工作区的真实路径，没有 {}。',
  'Hooks and settings of git repositories that are in the workspace already are not protected: what a command writes there, git runs later outside of the sandbox. Of those that come while it runs, they are put aside when it has ended.':
    '工作区中已有的 git 仓库，其钩子和设置没有保护：命令写在那里的内容，git 之后会在沙箱之外运行。在其运行期间新出现的仓库，其钩子和设置会在命令结束时被移到一旁。',
  'Run the app as an ordinary user, or with Linux 6.14 or later.':
    '请以普通用户身份运行应用，或使用 Linux 6.14 及以上版本。',
  'Use Linux 5.13 or later with landlock among its security modules (lsm=…).':
    '请使用 Linux 5.13 及以上版本，并启用 landlock 安全模块（lsm=…）。',

  // The test of a connection
  Address: '地址',
  Key: '密钥',
  Model: '模型',
  Streaming: '流式输出',
  Tools: '工具',
  'The answer came in {} pieces.': '回答分 {} 段到达。',
  'The answer came in one piece or was empty.': '回答一次性到达，或为空。',
  'Answers will appear all at once.': '回答会一次性显示。',
  'The key is accepted.': '密钥有效。',
  'No key is needed.': '不需要密钥。',
  'The model calls tools.': '模型能够调用工具。',
  'The model answered with text where it was asked to call a tool.': '要求调用工具时，模型只回答了文字。',
  'The agent needs tools: choose a model that supports tool calls.': '智能体需要工具：请选择支持工具调用的模型。',
  'Works.': '正常。',
  '{} answers, but the server does not list it.': '{} 有应答，但服务器未列出它。',
  '{} answers.': '{} 有应答。',
  'It lists: {}.': '服务器列出的模型：{}。',

  // What models and servers do wrong
  '{} cannot be reached: {}': '无法连接 {}：{}',
  '{} refused the key for the model {}: {}': '{} 拒绝了模型 {} 的密钥：{}',
  '{} wants a key for the model {}: {}': '{} 要求提供模型 {} 的密钥：{}',
  '{} does not offer the model {}: {}': '{} 没有模型 {}：{}',
  '{} limits requests to {}: {}': '{} 限制了对 {} 的请求：{}',
  '{} failed with status {} ({}): {}': '{} 出错，状态码 {}（{}）：{}',
  'The conversation is too long for {} at {}: {}': '对话对 {}（{}）来说太长：{}',
  '{} at {} sent nothing for {}.': '{}（{}）在 {} 内没有任何回应。',
  'The answer of {} at {} was cut off: {}': '{}（{}）的回答被中断：{}',
  'Check the address in the settings under Models, that the server runs, and the network; then retry.':
    '请检查“模型”设置中的地址、服务器是否在运行以及网络，然后重试。',
  'Enter a valid key in the settings under Models, and check that it may use this model; then retry.':
    '请在“模型”设置中填写有效的密钥，并确认它可以使用此模型，然后重试。',
  'Enter the key in the settings under Models; then retry.': '请在“模型”设置中填写密钥，然后重试。',
  'Choose one of the models that it offers: {}.': '请选择它提供的模型之一：{}。',
  "Correct the model's name in the settings under Models.": '请在“模型”设置中更正模型名称。',
  'Check the address in the settings under Models: most servers want it to end in /v1.':
    '请检查“模型”设置中的地址：多数服务器要求以 /v1 结尾。',
  'The server asks to wait {} seconds; then retry.': '服务器要求等待 {} 秒，然后重试。',
  'The server asks to wait a second; then retry.': '服务器要求等待 1 秒，然后重试。',
  'It was tried once. Wait a while or check your plan there; then retry.':
    '已尝试 1 次。请稍等或检查您的套餐，然后重试。',
  'It was tried {} times. Wait a while or check your plan there; then retry.':
    '已尝试 {} 次。请稍等或检查您的套餐，然后重试。',
  "The fault is on the server's side; it was tried once. Retry later, or choose another model.":
    '问题出在服务器一侧，已尝试 1 次。请稍后重试，或换一个模型。',
  "The fault is on the server's side; it was tried {} times. Retry later, or choose another model.":
    '问题出在服务器一侧，已尝试 {} 次。请稍后重试，或换一个模型。',
  'Go back to an earlier point of the session, start a new one, or choose a model with a larger context.':
    '请回到会话中较早的节点、新建会话，或选择上下文更大的模型。',
  'What came before is kept. Retry, or choose another model.': '此前的内容已保留。请重试，或换一个模型。',
  'What came before is kept. Retry, or raise the stall limit in the settings if the model is slow.':
    '此前的内容已保留。请重试；如果模型较慢，可在设置中提高停滞时限。',
  'What came before is kept. Retry; if it happens again, check the server.':
    '此前的内容已保留。请重试；如再次发生，请检查服务器。',

  'Correct the address in the settings under Models, for example http://127.0.0.1:11434/v1.':
    '请在“模型”设置中更正地址，例如 http://127.0.0.1:11434/v1。',
  'Copy the key again and enter it in the settings under Models.': '请重新复制密钥，并在“模型”设置中填写。',
  'The server points elsewhere: enter its final address in the settings under Models.':
    '服务器指向了别处：请在“模型”设置中填写最终地址。',
  "Check the model's name and its limits in the settings under Models.": '请检查“模型”设置中的模型名称及其限制。',
  'What came before is kept. Retry; if it happens again, check that the address belongs to a model server of this kind.':
    '此前的内容已保留。请重试；如再次发生，请检查该地址是否属于此类模型服务器。',
  'The request to the model was stopped.': '对模型的请求已停止。',
  'The address "{}" of the model {} cannot be used: {}.': '地址“{}”（模型 {}）无法使用：{}。',
  'The key for {} holds characters that no key can have.': '{} 的密钥含有密钥不可能有的字符。',
  '{} cannot be reached: {}.': '无法连接 {}：{}。',
  '{} has no {}: {}': '{} 没有 {}：{}',
  '{} refused the request for {} with status {}: {}': '{} 拒绝了对 {} 的请求，状态码 {}：{}',
  '{} broke off the answer of {}: {}': '{} 中断了 {} 的回答：{}',
  'The answer of {} at {} was cut off: {}.': '{}（{}）的回答被中断：{}。',
  '{} sent something for {} that cannot be read: {}': '{} 为 {} 返回的内容无法读取：{}',
  'The demo model is part of the app and needs no connection.': '演示模型是应用的一部分，不需要连接。',

  // A session that had to be repaired
  'The history of this session is gone from its folder, and a new one was begun; the files of the workspace are untouched, but earlier moments cannot be restored.':
    '此会话的历史记录已不在其文件夹中，现已开始新的历史记录；工作区的文件未受影响，但无法恢复更早的时刻。',
  'The history of this session was damaged ({}). It was moved aside to `{}` and a new one was begun; the files of the workspace are untouched, but earlier moments cannot be restored.':
    '此会话的历史记录已损坏（{}），已移至 `{}` 并重新开始记录。工作区的文件没有变化，但无法再恢复到更早的时刻。',

  'The history of this session was damaged ({}) and was mended; no snapshot was lost by that.':
    '此会话的历史记录曾损坏（{}），已经修复；没有因此丢失任何快照。',
  'The machine went down before the last {n} snapshot was on the disk. The history ends with the one before; the files of the workspace are untouched.':
    '最后 {n} 个快照写入磁盘之前，电脑意外关闭。历史记录到前一个快照为止；工作区的文件没有变化。',
  'The machine went down before the last {n} snapshots were on the disk. The history ends with the one before; the files of the workspace are untouched.':
    '最后 {n} 个快照写入磁盘之前，电脑意外关闭。历史记录到前一个快照为止；工作区的文件没有变化。',
  'One snapshot of this session was damaged and can no longer be restored; the others are there, and the files of the workspace are untouched.':
    '此会话有一个快照损坏，无法再恢复；其他快照都在，工作区的文件没有变化。',
  '{n} snapshots of this session were damaged and can no longer be restored; the others are there, and the files of the workspace are untouched.':
    '此会话有 {n} 个快照损坏，无法再恢复；其他快照都在，工作区的文件没有变化。',

  'All snapshots of this session were damaged and can no longer be restored; the files of the workspace are untouched.':
    '此会话的所有快照都已损坏，无法再恢复；工作区的文件没有变化。',

  // The built-in profiles
  Demo: '演示',
  'From the environment': '来自环境变量',

  // The settings file
  'Correct the line; until then the defaults are in force.': '请更正该行；在此之前使用默认设置。',
  'Correct the field; until then the defaults are in force.': '请更正该项；在此之前使用默认设置。',
};
