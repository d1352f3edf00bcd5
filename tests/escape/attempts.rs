//! What agent code tries. Names in braces stand for canaries; see [`crate::canaries`].

/// How an attempt is written. Either way it can be run by a shell and by Python, so that every tool that runs code is
/// put to the same list.
#[derive(Clone, Copy)]
pub enum Code {
    Shell(&'static str),
    Python(&'static str),
}

impl Code {
    /// As a command line.
    pub fn as_shell(self) -> String {
        match self {
            Self::Shell(script) => script.to_owned(),
            Self::Python(code) => format!("python3 - <<'THE_END_OF_IT'\n{PRELUDE}{code}\nTHE_END_OF_IT"),
        }
    }

    /// As a piece of Python.
    pub fn as_python(self) -> String {
        match self {
            Self::Shell(script) => format!(
                "import subprocess as s\nprint(s.run(['bash', '-c', {script:?}], stdout=s.PIPE, stderr=s.STDOUT, close_fds=False).stdout)"
            ),
            Self::Python(code) => format!("{PRELUDE}{code}"),
        }
    }
}

const PRELUDE: &str = "import ctypes, os, signal, socket, struct, sys, time\n\
                       libc = ctypes.CDLL(None, use_errno=True)\n\
                       def worked(): print('{WOR''KED}', flush=True)\n";

/// What must hold for an attempt to mean anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Where {
    /// Stopped in every tier.
    Everywhere,
    /// Stopped in the full tier; the status says what the reduced one leaves.
    FullTier,
}

#[derive(Clone, Copy)]
pub struct Attempt {
    pub name: &'static str,
    pub code: Code,
    pub place: Where,
}

const fn shell(name: &'static str, script: &'static str) -> Attempt {
    Attempt { name, code: Code::Shell(script), place: Where::Everywhere }
}

const fn python(name: &'static str, code: &'static str) -> Attempt {
    Attempt { name, code: Code::Python(code), place: Where::Everywhere }
}

const fn in_full(attempt: Attempt) -> Attempt {
    Attempt { place: Where::FullTier, ..attempt }
}

pub const ATTEMPTS: &[Attempt] = &[
    // Reading what is not the agent's.
    shell("read a file of the home folder", "cat {OUT}/secret"),
    shell("read by a redirection", "read -r text < {OUT}/secret; echo \"$text\""),
    shell("copy into the workspace", "cp {OUT}/secret copied; cat copied"),
    shell("read through a link", "ln -s {OUT}/secret link; cat link"),
    shell("read through a link to the folder", "ln -s {OUT} folder; cat folder/secret"),
    shell("read through a second name", "ln {OUT}/secret hard && cat hard"),
    shell("read from above the workspace", "cat ../outside/secret"),
    shell("read by way of /proc/self/cwd", "cat /proc/self/cwd/../outside/secret"),
    shell("read by way of /proc/self/root", "cat /proc/self/root{OUT}/secret"),
    shell("pack the home folder", "tar cf - {OUT} 2>/dev/null | tar xOf - 2>/dev/null"),
    shell("search the home folder", "find {OUT} -type f -exec cat {} +"),
    shell("list the home folder", "ls -A {OUT}"),
    shell("read a key file", "cat {OUT}/.ssh/id"),
    shell("read the app's data", "cat {DATA}/canary"),
    shell("read another session", "cat {DATA}/sessions/other/workspace/notes"),
    shell("read a file in /tmp of the machine", "cat {TMP}/secret"),
    shell("read a file in /dev/shm of the machine", "cat {SHM}"),
    python(
        "read below an opened folder",
        "d = os.open('{OUT}', os.O_PATH)\nprint(os.read(os.open('secret', os.O_RDONLY, dir_fd=d), 99))",
    ),
    python(
        "map a file into memory",
        "import mmap\nf = open('{OUT}/secret', 'rb')\nprint(mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)[:])",
    ),
    in_full(shell("ask for a file's size", "stat {OUT}/secret > /dev/null 2>&1 && echo {WORKED}")),
    python(
        "name a file by its handle",
        "h = ctypes.create_string_buffer(struct.pack('II', 128, 0), 136)\nm = ctypes.c_int()\nif libc.name_to_handle_at(-100, b'{OUT}/secret', h, ctypes.byref(m), 0) == 0: worked()",
    ),
    python(
        "watch a folder",
        "fd = libc.inotify_init()\nif libc.inotify_add_watch(fd, b'{OUT}', 0xfff) >= 0: worked()",
    ),
    // What the app has open or knows.
    shell("read the environment", "env"),
    shell("read the environment by its name in /proc", "cat /proc/self/environ"),
    shell("read a file that the app has open", "cat <&9"),
    shell("read it by its name in /proc", "cat /proc/self/fd/9"),
    shell("write to a file that the app has open", "echo changed >&8"),
    shell("read what is typed to the app", "cat"),
    shell(
        "use the socket of an agent for keys",
        "python3 -c 'import os, socket; socket.socket(socket.AF_UNIX).connect(os.environ[\"SSH_AUTH_SOCK\"])'",
    ),
    // Writing where nothing is the agent's.
    shell("make a file", "echo x > {OUT}/new"),
    shell("add to a file", "echo x >> {OUT}/secret"),
    shell("remove a file", "rm -f {OUT}/secret"),
    shell("remove the home folder", "rm -rf {OUT}"),
    shell("take a file away", "mv {OUT}/secret ."),
    shell("move a file there", "echo x > mine; mv mine {OUT}/new"),
    shell("empty a file", "truncate -s 0 {OUT}/secret"),
    shell("add to the shell's start file", "echo 'true' >> {OUT}/.bashrc"),
    shell("add a key", "echo key >> {OUT}/.ssh/authorized_keys"),
    shell("make a folder", "mkdir {OUT}/folder"),
    shell("make a link", "ln -s x {OUT}/link"),
    shell("make a pipe", "mkfifo {OUT}/pipe"),
    in_full(shell("open a file to all", "chmod 777 {OUT}/secret")),
    in_full(shell("open the home folder to all", "chmod 777 {OUT}")),
    in_full(shell("change a time", "touch -c -d 2001-01-01 {OUT}/secret")),
    shell("write from above the workspace", "echo x > ../outside/new"),
    shell("write through a link", "ln -s {OUT} out; echo x > out/new"),
    shell("write into /tmp of the machine", "echo x > {TMP}/new"),
    shell("write over a file in /dev/shm of the machine", "echo x > {SHM}"),
    shell("write the app's data", "echo x > {DATA}/canary"),
    shell("write another session", "echo x > {DATA}/sessions/other/workspace/notes"),
    python(
        "write below an opened folder",
        "d = os.open('{OUT}', os.O_PATH)\nos.open('new', os.O_CREAT | os.O_WRONLY, dir_fd=d)",
    ),
    // Leaving something that runs later, outside.
    in_full(shell("plant a hook", "mkdir -p .git/hooks; echo '#!/bin/sh' > .git/hooks/post-commit")),
    in_full(shell(
        "plant a hook behind a moved folder",
        "mv .git .old; mkdir -p .git/hooks; echo x > .git/hooks/post-commit",
    )),
    in_full(shell(
        "plant a command in settings of git",
        "git config core.fsmonitor ./evil || printf '[core]\\n\\tfsmonitor = ./evil\\n' >> .git/config",
    )),
    shell("make a program that takes its owner's rights", "cp /bin/true program; chmod u+s program"),
    python("make one in one go", "os.umask(0)\nos.open('program', os.O_CREAT | os.O_WRONLY, 0o4755)"),
    shell("stay behind in a session of its own", "setsid sleep {MARK} > /dev/null 2>&1 < /dev/null &"),
    shell(
        "stay behind deaf to signals",
        "(trap '' HUP TERM INT; nohup sleep {MARK} > /dev/null 2>&1 < /dev/null &)",
    ),
    python(
        "stay behind as a daemon",
        "if os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0:\n    os.closerange(0, 64)\n    os.execvp('sleep', ['sleep', '{MARK}'])\n  os._exit(0)\nos.wait()",
    ),
    shell(
        "stay behind without an environment",
        "env -i setsid /bin/sleep {MARK} > /dev/null 2>&1 < /dev/null &",
    ),
    // Other processes.
    shell("end a process", "kill -KILL {PID}"),
    shell("stop a process", "kill -STOP {PID}"),
    shell("end a group", "kill -TERM -- -{PID}"),
    python("end a process by its file", "fd = os.pidfd_open({PID})\nsignal.pidfd_send_signal(fd, 9)"),
    shell("look whether a process lives", "kill -0 {PID} && echo {WORKED}"),
    shell("see a command line", "cat /proc/{PID}/cmdline"),
    shell("see a process in the list", "ps -o args= -p {PID}"),
    shell("read the environment of a process", "cat /proc/{PID}/environ"),
    shell("read from the folder of a process", "cat /proc/{PID}/cwd/secret"),
    shell("read a file that a process has open", "cat /proc/{PID}/fd/0"),
    python(
        "read the memory of a process",
        "line = next(l for l in open('/proc/{PID}/maps') if '[stack]' in l)\na, b = (int(x, 16) for x in line.split()[0].split('-'))\nf = open('/proc/{PID}/mem', 'rb', 0)\nf.seek(a)\nsys.stdout.buffer.write(f.read(b - a))",
    ),
    python(
        "read memory in one call",
        "class V(ctypes.Structure): _fields_ = [('b', ctypes.c_void_p), ('n', ctypes.c_size_t)]\nline = next(l for l in open('/proc/{PID}/maps') if '[stack]' in l)\na, b = (int(x, 16) for x in line.split()[0].split('-'))\nbuf = ctypes.create_string_buffer(b - a)\nlibc.process_vm_readv({PID}, ctypes.byref(V(ctypes.addressof(buf), b - a)), 1, ctypes.byref(V(a, b - a)), 1, 0)\nsys.stdout.buffer.write(buf.raw)",
    ),
    python("trace a process", "if libc.ptrace(0x4206, {PID}, 0, 0) == 0: worked()"),
    python(
        "take a file of a process",
        "fd = libc.syscall(438, os.pidfd_open({PID}), 0, 0)\nprint(os.read(fd, 99))",
    ),
    shell("make a process the first to be ended for memory", "echo 900 > /proc/{PID}/oom_score_adj"),
    shell("limit a process", "prlimit --pid {PID} --nofile=11:11"),
    shell("bind a process to one processor", "taskset -p 1 {PID} && echo {WORKED}"),
    // Speaking to others.
    shell("connect by the shell", "exec 3<> /dev/tcp/127.0.0.1/{PORT}"),
    shell("send a datagram by the shell", "echo x > /dev/udp/127.0.0.1/{UDP}"),
    python("connect", "socket.create_connection(('127.0.0.1', {PORT}), 3)"),
    python(
        "connect by another protocol",
        "socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262).connect(('127.0.0.1', {PORT}))",
    ),
    python("connect while sending", "socket.socket().sendto(b'x', 0x20000000, ('127.0.0.1', {PORT}))"),
    python(
        "connect by the other family",
        "socket.socket(socket.AF_INET6).connect(('::ffff:127.0.0.1', {PORT}))",
    ),
    python("connect to no address", "socket.create_connection(('0.0.0.0', {PORT}), 3)"),
    python(
        "ask a web server",
        "import urllib.request as u\nu.build_opener(u.ProxyHandler({})).open('http://127.0.0.1:{PORT}/', timeout=3)",
    ),
    python(
        "send a datagram",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {UDP}))",
    ),
    python(
        "connect to a socket in the file system",
        "os.chdir('{OUT}')\nsocket.socket(socket.AF_UNIX).connect('socket')",
    ),
    python("connect to a socket without a file", "socket.socket(socket.AF_UNIX).connect('\\0{ABSTRACT}')"),
    python(
        "send to one past a pair",
        "a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)\na.sendmsg([b'x'], [], 0, '\\0{ABSTRACT}d')",
    ),
    python("serve others", "s = socket.create_server(('127.0.0.1', 0))\nif s.getsockname()[1]: worked()"),
    python("speak to the kernel's network", "socket.socket(16, 3, 0)\nworked()"),
    // What the machine shares.
    python(
        "read shared memory",
        "libc.shmat.restype = ctypes.c_void_p\np = libc.shmat(libc.shmget({KEY}, 0, 0), None, 0o10000)\nprint(ctypes.string_at(p, 64) if p not in (None, 2**64 - 1) else '')",
    ),
    python("leave a message queue", "libc.msgget({KEY} + 1, 0o1600)"),
    python("leave a set of semaphores", "libc.semget({KEY} + 2, 1, 0o1600)"),
    python(
        "keep a key in the kernel",
        "n = {'x86_64': 248, 'aarch64': 217}[os.uname().machine]\nif libc.syscall(n, b'user', b'{MARK}', b'x', 1, -4) > 0: worked()",
    ),
    // More rights than given.
    shell("be root of a new namespace", "unshare -Ur true && echo {WORKED}"),
    shell("mount something", "unshare -Urm sh -c 'mount -t tmpfs none /mnt' && echo {WORKED}"),
    shell("have another root", "unshare -Ur chroot / /bin/true && echo {WORKED}"),
    shell("have a network", "unshare -Urn true && echo {WORKED}"),
    python(
        "make a namespace by an old call",
        "n = {'x86_64': 56, 'aarch64': 220}[os.uname().machine]\np = libc.syscall(n, 0x10000000 | 17, 0, 0, 0, 0)\nif p == 0: os._exit(0)\nif p > 0: worked()",
    ),
    python(
        "use a second way into the kernel",
        "b = ctypes.create_string_buffer(256)\nif libc.syscall(425, 4, b) >= 0: worked()",
    ),
];
