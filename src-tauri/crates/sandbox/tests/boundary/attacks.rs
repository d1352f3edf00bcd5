//! What a command tries and must not reach.

use std::io::Read;
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use okcvm_sandbox::{Outcome, Tier};

use crate::trial::{Program, SECRET, Trial, exists, marker};

#[test]
fn nothing_outside_of_the_workspace_is_written() {
    for trial in Trial::each() {
        let name = format!("okcvm-test-{}", std::process::id());
        for target in [
            "$OUTSIDE/new".to_owned(),
            "$OUTSIDE/.ssh/id".to_owned(),
            "$OUTSIDE/../workspace2".to_owned(),
            "../escaped".to_owned(),
            format!("/etc/{name}"),
            format!("/usr/local/bin/{name}"),
            format!("/opt/{name}"),
            format!("/{name}"),
            "/proc/sys/kernel/core_pattern".to_owned(),
            "/proc/sysrq-trigger".to_owned(),
            "/sys/kernel/uevent_helper".to_owned(),
        ] {
            trial.refused(&format!("echo changed > {target}"));
        }
        trial.refused("truncate -s 0 \"$OUTSIDE/.ssh/id\"");
        trial.refused("rm -f \"$OUTSIDE/.ssh/id\"; [ ! -e \"$OUTSIDE/.ssh/id\" ] && [ -e \"$OUTSIDE\" ]");
        trial.refused("mkdir \"$OUTSIDE/folder\"");
        trial.refused("ln -s x \"$OUTSIDE/link\"");
        trial.refused("mkfifo \"$OUTSIDE/pipe\"");
        // In the full tier these folders are the command's own; in no tier are they the machine's.
        trial.run(&format!("echo x > /tmp/{name}; echo x > /var/tmp/{name}; echo x > /dev/shm/{name}"));
        for path in ["/etc", "/usr/local/bin", "/opt", "/", "/tmp", "/var/tmp", "/dev/shm"] {
            assert!(!exists(format!("{path}/{name}")), "{:?}: {path}", trial.tier);
        }
        assert!(!exists(trial.workspace.with_file_name("workspace2")));
        assert!(!exists(trial.workspace.with_file_name("escaped")));
    }
}

#[test]
fn nothing_of_the_user_is_read() {
    let home = std::env::var("HOME").expect("HOME");
    for trial in Trial::each() {
        trial.refused("cat \"$OUTSIDE/.ssh/id\"");
        trial.refused("ls -a \"$OUTSIDE\"");
        trial.refused("cp -r \"$OUTSIDE\" copy");
        trial.refused("cat ../outside/.ssh/id");
        trial.refused(&format!("ls -a {home}"));
        trial.refused("ls -a /root");
        for path in
            ["/etc/shadow", "/etc/ssh", "/etc/machine-id", "/proc/kcore", "/dev/mem", "/dev/vda", "/dev/sda"]
        {
            let ran = trial.run(&format!("head -c 16 {path} 2> error"));
            assert!(ran.bytes.is_empty(), "{:?}: {path}", trial.tier);
        }
    }
}

#[test]
fn another_session_is_not_reached() {
    for trial in Trial::each() {
        let other = trial.workspace.with_file_name("other-session");
        std::fs::create_dir_all(other.join("workspace")).expect("folder");
        std::fs::write(other.join("workspace/notes"), SECRET).expect("file");
        trial.refused(&format!("cat {}/workspace/notes", other.display()));
        trial.refused(&format!("echo x > {}/workspace/notes", other.display()));
        trial.refused(&format!("ls {}", trial.workspace.parent().expect("parent").display()));
        assert_eq!(std::fs::read_to_string(other.join("workspace/notes")).expect("file"), SECRET);
    }
}

#[test]
fn the_environment_of_the_app_is_not_seen() {
    assert!(std::env::var("CARGO_MANIFEST_DIR").is_ok(), "this test looks for a variable that cargo sets");
    for trial in Trial::each() {
        let ran = trial.run(
            "env; cat /proc/*/environ /proc/$PPID/environ /proc/1/environ /proc/$CALLER/environ; \
             cat /proc/$CALLER/cmdline /proc/$CALLER/maps; true",
        );
        assert!(!ran.text().contains("CARGO_"), "{:?}: {}", trial.tier, ran.text());
        let mut names: Vec<String> = trial
            .output("env -0")
            .split('\0')
            .filter_map(|line| line.split_once('=').map(|(name, _)| name.to_owned()))
            .filter(|name| !["_", "SHLVL", "OUTSIDE", "CALLER"].contains(&name.as_str()))
            .collect();
        names.sort();
        assert_eq!(
            names,
            [
                "GIT_CEILING_DIRECTORIES",
                "GIT_CONFIG_NOSYSTEM",
                "GIT_TERMINAL_PROMPT",
                "HOME",
                "LANG",
                "LOGNAME",
                "OKCVM_WORKSPACE",
                "PAGER",
                "PATH",
                "PWD",
                "SHELL",
                "TERM",
                "TMPDIR",
                "USER"
            ]
        );
    }
}

#[test]
fn command_lines_of_other_programs_are_not_seen() {
    let marker = marker();
    let _other = Program::start(std::process::Command::new("sleep").arg(&marker));
    for trial in Trial::each() {
        let ran = trial.run("cat /proc/*/cmdline | tr '\\0' ' '; ps ax; true");
        assert!(!ran.text().contains(&marker), "{:?}", trial.tier);
    }
}

#[test]
fn inherited_files_are_closed() {
    for trial in Trial::each() {
        let secret = std::fs::File::open(trial.outside.join(".ssh/id")).expect("secret");
        // Not closed on execution, as a careless library would leave it.
        let leaked = rustix::io::dup(&secret).expect("a second one");
        let open = trial.python(
            "import fcntl\nfor n in range(3, 4096):\n  try:\n    fcntl.fcntl(n, fcntl.F_GETFD); print('open', n)\n  except OSError: pass\n",
        );
        assert_eq!((open.exit.outcome, open.text()), (Outcome::Exited(0), String::new()), "{:?}", trial.tier);
        drop(leaked);
    }
}

#[test]
fn no_server_of_this_machine_is_reached() {
    for trial in Trial::each() {
        let tcp = TcpListener::bind("127.0.0.1:0").expect("listener");
        let port = tcp.local_addr().expect("address").port();
        let udp = UdpSocket::bind("127.0.0.1:0").expect("socket");
        let udp_port = udp.local_addr().expect("address").port();
        trial.refused(&format!("exec 3<> /dev/tcp/127.0.0.1/{port}"));
        trial.refused(&format!("echo x > /dev/udp/127.0.0.1/{udp_port}"));
        let ran = trial.python(&format!(
            r"
import socket
def attempt(name, f):
    try:
        f(); print('reached', name)
    except OSError as error:
        pass
def stream(protocol):
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol)
    s.connect(('127.0.0.1', {port}))
attempt('tcp', lambda: stream(0))
attempt('mptcp', lambda: stream(262))
attempt('sctp', lambda: stream(132))
def fast_open():
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.sendto(b'x', 0x20000000, ('127.0.0.1', {port}))
attempt('fast open', fast_open)
def datagram(family, address):
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.sendto(b'x', (address, {udp_port}))
attempt('udp', lambda: datagram(socket.AF_INET, '127.0.0.1'))
attempt('udp6', lambda: datagram(socket.AF_INET6, '::ffff:127.0.0.1'))
for name, family, kind in [('netlink', 16, 3), ('packet', 17, 3), ('raw', 2, 3), ('alg', 38, 5), ('vsock', 40, 1),
                           ('bluetooth', 31, 3), ('xdp', 44, 3), ('unix', 1, 1)]:
    attempt(name, lambda: socket.socket(family, kind))
attempt('pair', lambda: socket.socketpair(socket.AF_INET))
print('tried')
"
        ));
        assert_eq!(ran.text(), "tried\n", "{:?}", trial.tier);
        tcp.set_nonblocking(true).expect("mode");
        assert!(tcp.accept().is_err(), "{:?}: a connection came in", trial.tier);
        udp.set_nonblocking(true).expect("mode");
        assert!(udp.recv(&mut [0; 8]).is_err(), "{:?}: a datagram came in", trial.tier);
    }
}

#[test]
fn no_local_socket_is_reached() {
    for trial in Trial::each() {
        let name = format!("okcvm-test-{}", marker());
        let address = SocketAddr::from_abstract_name(name.as_bytes()).expect("address");
        let abstract_one = UnixListener::bind_addr(&address).expect("listener");
        // Short enough for a socket's path only from within the folder, so it is reached through its name there.
        let folder = tempfile::tempdir().expect("folder");
        let named = UnixListener::bind(folder.path().join("socket")).expect("listener");
        std::os::unix::fs::symlink(folder.path().join("socket"), trial.workspace.join("link")).expect("link");
        let _ = std::fs::hard_link(folder.path().join("socket"), trial.workspace.join("socket"));
        let ran = trial.python(&format!(
            r"
import socket
for path in ['\0{name}', 'link', 'socket', '{}', '/run/docker.sock', '/run/dbus/system_bus_socket']:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
        try:
            s = socket.socket(socket.AF_UNIX, kind); s.connect(path); s.send(b'x'); print('reached', path)
        except OSError: pass
a, b = socket.socketpair()
for path in ['\0{name}', 'socket']:
    try:
        a.sendto(b'x', path); print('sent', path)
    except OSError: pass
print('tried')
",
            folder.path().join("socket").display()
        ));
        assert_eq!(ran.text(), "tried\n", "{:?}", trial.tier);
        for listener in [abstract_one, named] {
            listener.set_nonblocking(true).expect("mode");
            assert!(listener.accept().is_err(), "{:?}", trial.tier);
        }
    }
}

#[test]
fn a_pair_of_sockets_does_not_send_to_another() {
    for trial in Trial::each() {
        let name = format!("okcvm-test-{}", marker());
        let address = SocketAddr::from_abstract_name(name.as_bytes()).expect("address");
        let abstract_one = std::os::unix::net::UnixDatagram::bind_addr(&address).expect("socket");
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("socket");
        let named = std::os::unix::net::UnixDatagram::bind(&path).expect("socket");
        let ran = trial.python(&format!(
            r"
import socket
for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET, socket.SOCK_STREAM):
    for address in ('\0{name}', '{}'):
        try:
            a, b = socket.socketpair(socket.AF_UNIX, kind)
            a.sendmsg([b'x'], [], 0, address); print('sent', kind)
        except OSError: pass
print('tried')
",
            path.display()
        ));
        assert_eq!(ran.exit.outcome, Outcome::Exited(0), "{:?}: {}", trial.tier, ran.text());
        assert!(ran.text().ends_with("tried\n"), "{:?}: {}", trial.tier, ran.text());
        for socket in [abstract_one, named] {
            socket.set_nonblocking(true).expect("mode");
            assert!(
                socket.recv(&mut [0; 8]).is_err(),
                "{:?}: a datagram came in: {}",
                trial.tier,
                ran.text()
            );
        }
    }
}

#[test]
fn changes_of_other_folders_are_not_watched() {
    for trial in Trial::each() {
        let ran = trial.python(
            "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n\
             print(libc.inotify_add_watch(libc.inotify_init(), os.environ['OUTSIDE'].encode(), 0xfff))\n",
        );
        assert_eq!(ran.text(), "-1\n", "{:?}", trial.tier);
    }
}

#[test]
fn links_lead_nowhere() {
    for trial in Trial::each() {
        trial.refused("ln -s \"$OUTSIDE/.ssh/id\" link; cat link");
        trial.refused("echo changed > link");
        trial.refused("ln -s \"$OUTSIDE\" folder; echo x > folder/new");
        trial.refused("ls folder/");
        trial.refused("ln \"$OUTSIDE/.ssh/id\" hard && cat hard");
        trial.refused("ln -L link hard2 && cat hard2");
        trial.refused("mv \"$OUTSIDE/.ssh/id\" stolen");
        trial.refused("echo x > mine; mv mine \"$OUTSIDE/new\"");
        trial.refused("ln mine \"$OUTSIDE/new\"");
        trial.refused("cat /proc/self/root/$OUTSIDE/.ssh/id");
        trial.refused("cat /proc/1/root/$OUTSIDE/.ssh/id");
        trial.refused("cat /proc/$CALLER/cwd/Cargo.toml");
        trial.refused("ls /old");
    }
}

#[test]
fn other_processes_are_not_touched() {
    let mut other = Program::start(std::process::Command::new("sleep").arg("60"));
    for trial in Trial::each() {
        let pid = other.0.id();
        for signal in ["KILL", "TERM", "STOP", "0"] {
            trial.refused(&format!("kill -{signal} {pid}"));
            trial.refused(&format!("kill -{signal} $CALLER"));
        }
        // The reaper (the parent) and the first process.
        trial.refused("kill -0 1 && kill -0 $PPID && kill -KILL $PPID; sleep 0.2; exit 3");
        let ran = trial.python(&format!(
            r"
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
for pid in ({pid}, int(os.environ['REAPER']), int(os.environ['CALLER'])):
    for request in (16, 0x4206):
        print(libc.ptrace(request, pid, 0, 0), end=' ')
    buffer = ctypes.create_string_buffer(64)
    class Vector(ctypes.Structure):
        _fields_ = [('base', ctypes.c_void_p), ('length', ctypes.c_size_t)]
    local = Vector(ctypes.addressof(buffer), 64)
    print(libc.process_vm_readv(pid, ctypes.byref(local), 1, ctypes.byref(local), 1, 0), end=' ')
    for name in ('mem', 'maps', 'environ', 'fd/0', 'root/etc/passwd'):
        try:
            open(f'/proc/{{pid}}/{{name}}', 'rb').read(10); print('opened', pid, name)
        except OSError: pass
"
        ));
        assert_eq!(ran.text(), "-1 ".repeat(9), "{:?}", trial.tier);
        assert!(other.0.try_wait().expect("status").is_none(), "{:?}: it was ended", trial.tier);
    }
}

#[test]
fn mounts_and_namespaces_are_refused() {
    for trial in Trial::each() {
        trial.refused("mount -t tmpfs none .");
        trial.refused("mount --bind / .");
        trial.refused("umount /proc /usr");
        trial.refused("unshare -Ur id");
        trial.refused("unshare -m id");
        trial.refused("unshare -n id");
        trial.refused("chroot / /bin/true");
        trial.refused("nsenter -t 1 -a id");
        // By the call that carries its flags in a register, past what libraries offer.
        let ran = trial.python(
            r"
import ctypes, os, platform
libc = ctypes.CDLL(None, use_errno=True)
clone = {'x86_64': 56, 'aarch64': 220}[platform.machine()]
for flag in (0x10000000, 0x00020000, 0x20000000, 0x40000000, 0x08000000, 0x04000000, 0x02000000):
    pid = libc.syscall(clone, flag | 17, 0, 0, 0, 0)
    if pid == 0: os._exit(0)
    print(ctypes.get_errno() if pid < 0 else 'made', end=' ')
pid = libc.syscall(435, 0, 0)
print(ctypes.get_errno(), end='')
",
        );
        assert_eq!(ran.text(), "1 1 1 1 1 1 1 38", "{:?}", trial.tier);
    }
}

#[test]
fn dangerous_system_calls_are_refused() {
    // Numbers above 423 are the same on every architecture.
    let numbers: &[(&str, i64)] = &[
        ("bpf", libc::SYS_bpf),
        ("perf_event_open", libc::SYS_perf_event_open),
        ("userfaultfd", libc::SYS_userfaultfd),
        ("keyctl", libc::SYS_keyctl),
        ("add_key", libc::SYS_add_key),
        ("request_key", libc::SYS_request_key),
        ("io_uring_setup", libc::SYS_io_uring_setup),
        ("kexec_load", libc::SYS_kexec_load),
        ("init_module", libc::SYS_init_module),
        ("finit_module", libc::SYS_finit_module),
        ("delete_module", libc::SYS_delete_module),
        ("reboot", libc::SYS_reboot),
        ("swapon", libc::SYS_swapon),
        ("acct", libc::SYS_acct),
        ("syslog", libc::SYS_syslog),
        ("personality", libc::SYS_personality),
        ("open_by_handle_at", libc::SYS_open_by_handle_at),
        ("name_to_handle_at", libc::SYS_name_to_handle_at),
        ("fsopen", libc::SYS_fsopen),
        ("open_tree", libc::SYS_open_tree),
        ("move_mount", libc::SYS_move_mount),
        ("mount_setattr", libc::SYS_mount_setattr),
        ("pivot_root", libc::SYS_pivot_root),
        ("setns", libc::SYS_setns),
        ("pidfd_getfd", libc::SYS_pidfd_getfd),
        ("kcmp", libc::SYS_kcmp),
        ("sethostname", libc::SYS_sethostname),
        ("clock_settime", libc::SYS_clock_settime),
        ("fanotify_init", libc::SYS_fanotify_init),
    ];
    let list: Vec<String> = numbers.iter().map(|(name, number)| format!("('{name}', {number})")).collect();
    let list = list.join(", ");
    for trial in Trial::each() {
        let ran = trial.python(&format!(
            r"
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for name, number in [{list}]:
    result = libc.syscall(number, 0, 0, 0, 0, 0)
    if result != -1 or ctypes.get_errno() != 1: print(name, result, ctypes.get_errno())
# Typing into a terminal, and pasting from a console.
for request in (0x5412, 0x541C):
    if libc.ioctl(0, request, b'x') != -1 or ctypes.get_errno() != 1: print('ioctl', hex(request))
"
        ));
        assert_eq!(ran.text(), "", "{:?}", trial.tier);
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn the_second_numbering_of_system_calls_is_refused() {
    for trial in Trial::each() {
        let ran = trial.python(
            "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n\
             print(libc.syscall(0x40000000 + 39), ctypes.get_errno())\n",
        );
        assert_eq!(ran.text(), "-1 1\n", "{:?}", trial.tier);
    }
}

#[test]
fn shared_memory_of_the_machine_is_not_reached() {
    let path = format!("/dev/shm/okcvm-test-{}", marker());
    std::fs::write(&path, SECRET).expect("file");
    // A key that another run of this test does not use.
    let key = 0x0c00_0000 + std::process::id();
    for trial in Trial::each() {
        trial.refused(&format!("cat {path}"));
        let ran = trial.python(&format!(
            "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nprint(libc.shmget({key}, 4096, 0o1666))\n"
        ));
        match trial.tier {
            // A namespace of its own: allowed, and gone with it.
            Tier::Full => assert_eq!(ran.text(), "0\n"),
            Tier::Reduced => assert_eq!(ran.text(), "-1\n"),
        }
    }
    std::fs::remove_file(&path).expect("removal");
    let mut segments = String::new();
    let mut file = std::fs::File::open("/proc/sysvipc/shm").expect("list");
    file.read_to_string(&mut segments).expect("list");
    assert!(!segments.contains(&key.to_string()), "{segments}");
}

#[test]
fn no_privilege_is_held_or_gained() {
    for trial in Trial::each() {
        let ran = trial.python(
            r"
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
print('no new privileges', libc.prctl(39, 0, 0, 0, 0))
print('filtered', libc.prctl(21, 0, 0, 0, 0))
print('bounding', sum(libc.prctl(23, n, 0, 0, 0) == 1 for n in range(64)))
class Header(ctypes.Structure): _fields_ = [('version', ctypes.c_uint32), ('pid', ctypes.c_int)]
data = (ctypes.c_uint32 * 6)()
libc.capget(ctypes.byref(Header(0x20080522, 0)), data)
print('capabilities', list(data))
",
        );
        // The bounding set of an ordinary user cannot be emptied; without new privileges it is of no use.
        let bounding =
            if rustix::process::geteuid().is_root() || trial.tier == Tier::Full { "0" } else { "" };
        let text = ran.text();
        assert!(text.starts_with("no new privileges 1\nfiltered 2\n"), "{:?}: {text}", trial.tier);
        assert!(text.contains(&format!("bounding {bounding}")), "{:?}: {text}", trial.tier);
        assert!(text.ends_with("capabilities [0, 0, 0, 0, 0, 0]\n"), "{:?}: {text}", trial.tier);
    }
}

#[test]
fn nothing_is_made_that_gives_privileges_outside() {
    use std::os::unix::fs::PermissionsExt;
    for trial in Trial::each() {
        trial.refused("cp /bin/sh shell; chmod u+s shell");
        trial.refused("chmod g+s shell");
        trial.refused("mknod device b 8 0");
        trial.refused("mknod device c 1 1");
        let ran = trial.python(
            r"
import os
for flags in (os.O_CREAT | os.O_WRONLY,):
    try: os.open('made', flags, 0o4755); print('made')
    except OSError: pass
open('plain', 'w').close()
os.chmod('plain', 0o755)
",
        );
        assert_eq!(ran.text(), "", "{:?}", trial.tier);
        for entry in std::fs::read_dir(&trial.workspace).expect("workspace").flatten() {
            let mode = entry.metadata().expect("metadata").permissions().mode();
            assert_eq!(mode & 0o6000, 0, "{:?}: {}", trial.tier, entry.path().display());
        }
        assert!(trial.workspace.join("plain").exists());
    }
}

#[test]
fn an_ordinary_user_has_the_same_boundary() {
    use std::os::unix::fs::PermissionsExt;
    if !rustix::process::geteuid().is_root() {
        // All other tests ran as one already.
        return;
    }
    let folder = tempfile::tempdir().expect("folder");
    let helper = folder.path().join("helper");
    std::fs::copy(crate::trial::HELPER, &helper).expect("copy");
    let workspace = folder.path().join("workspace");
    std::fs::create_dir(&workspace).expect("workspace");
    std::os::unix::fs::chown(&workspace, Some(65534), Some(65534)).expect("owner");
    std::fs::write(folder.path().join("readable"), SECRET).expect("file");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("mode");
    for trial in Trial::each() {
        let tier = if trial.tier == Tier::Full { "full" } else { "reduced" };
        let script = format!(
            "id -u; echo x > file && cat file; cat {secret}; echo x > {secret}; kill -0 {pid}; unshare -Ur id; \
             exec 3<> /dev/tcp/127.0.0.1/1; echo $HOME > home; python3 -c 'print(6 * 7)'",
            secret = folder.path().join("readable").display(),
            pid = std::process::id()
        );
        let output = std::process::Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(&helper)
            .args(["run", tier])
            .arg(&workspace)
            .args(["20", &script])
            .output()
            .expect("setpriv");
        let text = String::from_utf8_lossy(&output.stdout);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(text.starts_with("65534\nx\n"), "{tier}: {text} {said}");
        assert!(text.ends_with("42\n"), "{tier}: {text} {said}");
        assert!(!text.contains(SECRET), "{tier}: {text}");
        assert_eq!(output.status.code(), Some(0), "{tier}: {text} {said}");
        assert_eq!(std::fs::read_to_string(folder.path().join("readable")).expect("file"), SECRET);
    }
}

#[test]
fn the_mark_stays_and_can_be_read() {
    for trial in Trial::each() {
        let ran = trial.python(
            r"
import ctypes, mmap, resource
libc = ctypes.CDLL(None, use_errno=True)
before = resource.getrlimit(resource.RLIMIT_RTTIME)
def attempt(work):
    try: work()
    except (OSError, ValueError): pass
attempt(lambda: resource.setrlimit(resource.RLIMIT_RTTIME, (1, 1)))
attempt(lambda: resource.prlimit(0, resource.RLIMIT_RTTIME, (1, 1)))
numbers = {'x86_64': (160, 302), 'aarch64': (164, 261)}[__import__('os').uname().machine]
lower = (ctypes.c_ulong * 2)(1, 1)
libc.syscall(numbers[0], 15, lower)
# The lower half of this address is zero.
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
place = libc.mmap(1 << 32, 4096, 3, 0x32, -1, 0)
if place == 1 << 32:
    ctypes.memmove(place, lower, 16)
    libc.syscall(numbers[1], 0, 15, ctypes.c_void_p(place), None)
print('kept', resource.getrlimit(resource.RLIMIT_RTTIME) == before and before[0] > 1)
",
        );
        assert_eq!(ran.text(), "kept True\n", "{:?}", trial.tier);
        assert!(!trial.output("ulimit -R; ulimit -a > /dev/null && echo all").is_empty());
    }
}

#[test]
fn limits_and_order_of_other_processes_stay_theirs() {
    for trial in Trial::each() {
        let victim = Program::start(std::process::Command::new("sleep").arg("60"));
        let pid = victim.0.id();
        let limits = || std::fs::read_to_string(format!("/proc/{pid}/limits")).expect("limits");
        let before = limits();
        trial.refused(&format!("prlimit --pid {pid} --nofile=11:11"));
        trial.refused(&format!("prlimit --pid {pid} --cpu=1:1"));
        trial.refused(&format!("renice -n 7 -p {pid}"));
        trial.refused(&format!("taskset -p 1 {pid}"));
        trial.refused(&format!("chrt --idle -p 0 {pid}"));
        trial.refused(&format!("ionice -c 3 -p {pid}"));
        assert_eq!(limits(), before, "{:?}", trial.tier);
        let own = trial.output("nice -n 3 taskset 1 prlimit --nofile=64:64 sh -c 'ulimit -n'");
        assert_eq!(own, "64\n", "{:?}", trial.tier);
    }
}

#[test]
fn attributes_of_files_outside_are_neither_read_nor_changed() {
    use std::ffi::CString;
    for trial in Trial::each() {
        let secret = trial.outside.join(".ssh/id");
        let set =
            |name: &str| rustix::fs::setxattr(&secret, name, b"hidden-away", rustix::fs::XattrFlags::empty());
        if set("user.kept").is_err() {
            eprintln!("not run: this file system has no attributes of users");
            return;
        }
        // By the names of the C library and by the numbers of calls that it may not know yet.
        let ran = trial.python(
            r#"
import ctypes, os, shutil
path = os.environ["OUTSIDE"] + "/.ssh/id"
libc = ctypes.CDLL(None, use_errno=True)
class Value(ctypes.Structure):
    _fields_ = [("at", ctypes.c_uint64), ("size", ctypes.c_uint32), ("flags", ctypes.c_uint32)]
room = ctypes.create_string_buffer(b"planted", 64)
value = Value(ctypes.addressof(room), 7, 0)
attributes = (ctypes.c_uint64 * 4)(0x80, 0, 0, 0)
name = path.encode()
def call(*arguments):
    print(arguments[0], "done" if libc.syscall(*arguments) >= 0 else "refused")
call(463, -100, name, 0, b"user.planted", ctypes.byref(value), 16)
call(464, -100, name, 0, b"user.kept", ctypes.byref(value), 16)
call(465, -100, name, 0, room, 64)
call(466, -100, name, 0, b"user.kept")
call(469, -100, name, attributes, 24, 0)
for what in (lambda: os.setxattr(path, "user.planted", b"x"), lambda: os.getxattr(path, "user.kept"),
             lambda: os.listxattr(path), lambda: os.removexattr(path, "user.kept")):
    try:
        print("done", what())
    except OSError:
        pass
open("own", "w").write("x")
shutil.copy2("own", "copy")
print(os.system("cp -a own second && ls -l own > /dev/null"))
"#,
        );
        assert_eq!(ran.exit.outcome, Outcome::Exited(0), "{:?}: {}", trial.tier, ran.text());
        assert!(
            !ran.text().contains("done") && ran.text().ends_with("\n0\n"),
            "{:?}: {}",
            trial.tier,
            ran.text()
        );
        let mut names = [0_u8; 256];
        let length = rustix::fs::listxattr(&secret, &mut names).expect("names");
        assert_eq!(
            CString::from_vec_with_nul(names[..length].to_vec()).expect("one"),
            CString::from(c"user.kept")
        );
        trial.outside_is_untouched("attributes");
    }
}
