/** What the status of the boundary says on macOS and Windows. */
export const boundarySentences: Record<string, string> = {
  // Both
  Experience: '经验',
  'Tell us what works and what does not.': '请告诉我们哪些可用、哪些不可用。',

  // macOS
  'Seatbelt: a profile for each command, not run on macOS by us.':
    'Seatbelt：每条命令一份配置；我们没有在 macOS 上运行过。',
  'We have not run this boundary on macOS. At this start it was tried on this machine: a command could not read, write or reach what it must not. What no such trial shows is known from reading alone.':
    '我们没有在 macOS 上运行过这一隔离。本次启动时已在这台电脑上试过：命令无法读取、写入或访问不该碰的内容。试验看不出的部分，我们只从资料中得知。',
  Seatbelt: 'Seatbelt',
  'A profile for each command: reading of system folders and the workspace, writing only in the workspace and in private temporary folders, nothing else of the home folder.':
    '每条命令一份配置：可读取系统文件夹和工作区，只能写入工作区和私有临时文件夹，主目录中的其他内容都不可访问。',
  'Real paths': '真实路径',
  'Commands see the real paths of this machine, can ask for sizes and times of files outside, and can list processes.':
    '命令看到的是这台电脑的真实路径，可以查询外部文件的大小和时间，也可以列出进程。',
  "None, loopback included, unless a session allows hosts; then through the app's proxy alone. That proxy listens on this machine's own loopback, so other programs of this machine can use it while the command runs.":
    '无，回环也不可用；除非会话允许某些主机，此时只能通过应用的代理。该代理监听本机的回环地址，因此命令运行期间，本机的其他程序也能使用它。',
  'The helper finds the processes of a command by parent, session and group and ends them with it, also if the app is killed. One that leaves both within a tenth of a second can be missed. If app and helper are killed, the next start finds what is left by a mark, which the system hides for its own programs.':
    '辅助程序按父进程、会话和进程组找到命令的进程，并随命令一起结束，即使应用被强制退出。在十分之一秒内脱离这些关系的进程可能会漏掉。如果应用和辅助程序都被强制退出，下次启动时会凭标记寻找残留的进程，而系统会隐藏自带程序的标记。',
  Limits: '限制',
  'File size, open files and processor time of a process are limited by the system. Memory and the number of processes are only looked at: a command with too much is found and ended a moment later.':
    '系统限制每个进程的文件大小、打开的文件数和处理器时间。内存和进程数只是定时查看：超出的命令会在片刻之后被发现并结束。',
  'It needs /usr/bin/sandbox-exec, and a program that is not in a sandbox itself.':
    '需要 /usr/bin/sandbox-exec，并且程序自身不在沙箱之内。',

  // Windows
  'Job object and restricted token, not run on Windows by us; no network boundary.':
    '作业对象与受限令牌；我们没有在 Windows 上运行过；不隔离网络。',
  'Job object and a token that restricts writing, not run on Windows by us; reading and network are open.':
    '作业对象与限制写入的令牌；我们没有在 Windows 上运行过；读取和网络都是开放的。',
  'We have not run this boundary on Windows; its calls ran under Wine alone. At this start it was tried on this machine: a command could not write what it must not. What no such trial shows is known from reading alone.':
    '我们没有在 Windows 上运行过这一隔离，只在 Wine 中运行过它的调用。本次启动时已在这台电脑上试过：命令无法写入不该碰的内容。试验看不出的部分，我们只从资料中得知。',
  'Job object': '作业对象',
  'All processes of a command end with it, also if the app is killed; memory, processor time and the number of processes are limited, and windows and clipboard of other programs are out of reach.':
    '命令的所有进程随它一起结束，即使应用被强制退出；内存、处理器时间和进程数都有上限，也无法触及其他程序的窗口和剪贴板。',
  Token: '令牌',
  "No privileges, no administrator's rights, the lowest level of integrity: writing only in the workspace and in private temporary folders. To that end the workspace gets an entry in its list of access and a label, which stay.":
    '没有特权，没有管理员权限，完整性级别最低：只能写入工作区和私有临时文件夹。为此会在工作区的访问列表中加入一项，并加上标签，这些会一直保留。',
  Reading: '读取',
  'What only you may read, such as your home folder, is closed. Commands see the real paths of this machine and read what every user of it may, other drives and folders included.':
    '只有您能读取的内容（例如主目录）是关闭的。命令看到的是这台电脑的真实路径，并能读取每个用户都能读取的内容，包括其他磁盘和文件夹。',
  'Not held: commands read every file that you may read. The stronger token was not taken: {}.':
    '未隔离：您能读取的文件，命令都能读取。没有采用更强的令牌：{}。',
  'it was not tried': '没有尝试',
  'Give commands nothing to do that must not see your files.': '不应看到您文件的事情，请不要交给命令去做。',
  'Not held, whatever a session allows: neither a job nor a token closes the network, and nobody is recorded. Every command counts as one that sends. An AppContainer would close it, and is not written yet.':
    '未隔离，无论会话允许什么：作业对象和令牌都不能关闭网络，访问了谁也没有记录。每条命令都算作会对外发送。AppContainer 能关闭网络，但尚未编写。',
  'Stay in the mode that asks: it asks before every command here.':
    '请使用“询问”模式：在这里，它会在每条命令之前询问。',
  'Hooks and settings of git repositories in the workspace are not protected: what a command writes there, git runs later outside of the boundary.':
    '工作区中 git 仓库的钩子和设置没有保护：命令写在那里的内容，git 之后会在隔离之外运行。',
  Shell: '命令行',
  'Commands are given to cmd.exe. Programs that stay, such as Python kernels and browsers for slides, are not run.':
    '命令交给 cmd.exe 运行。常驻的程序，例如 Python 内核和排版幻灯片的浏览器，不会运行。',
  'programs that stay, such as Python kernels, are not run behind the boundary of Windows yet':
    '常驻的程序（例如 Python 内核）目前还不能在 Windows 的隔离中运行',
  'nothing here keeps commands from the network, so hosts cannot be told apart':
    '这里没有什么能让命令与网络隔开，因此无法区分主机',
  'Token for reading and writing': '限制读取和写入的令牌',
  'Token for writing': '限制写入的令牌',
  'this system gives no boundary for commands ({})': '此系统无法为命令提供隔离（{}）',
  'Without it no command is run. The lines below say what did not hold.':
    '没有它就不会运行任何命令。下面各行说明了哪些没有成立。',
};
