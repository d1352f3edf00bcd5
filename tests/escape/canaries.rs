//! Things of the test's own that an attempt is aimed at, and how it shows that one was reached. Whatever an attempt
//! does, nothing else of the machine is touched.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::who::Who;

pub struct Canaries {
    folder: tempfile::TempDir,
    pub workspace: PathBuf,
    pub outside: PathBuf,
    pub data: PathBuf,
    temporary: tempfile::TempDir,
    shared: PathBuf,
    pub secret: String,
    worked: String,
    /// Of the victim.
    argument: String,
    mark: String,
    abstract_name: String,
    key: i32,
    segment: i32,
    victim: Child,
    tcp: TcpListener,
    udp: UdpSocket,
    named: UnixListener,
    abstract_stream: UnixListener,
    abstract_datagram: UnixDatagram,
    before: State,
}

/// What is compared before and after.
#[derive(Debug, PartialEq, Eq)]
struct State {
    files: BTreeMap<PathBuf, (u32, i64, Vec<u8>)>,
    victim: Vec<String>,
}

impl Canaries {
    pub fn new(who: Who) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::SeqCst);
        let number = format!("{:07}{count:05}", std::process::id());
        let secret = format!("canary-{number}-of-the-user");
        // Not in a temporary folder: those are hidden from commands for a reason of their own.
        let base = [Path::new("/srv"), Path::new("/tmp")]
            .into_iter()
            .find_map(|base| tempfile::tempdir_in(base).ok());
        let folder = base.expect("a folder for canaries");
        let root = folder.path().to_owned();
        let (workspace, outside, data) = (root.join("workspace"), root.join("outside"), root.join("data"));
        let temporary = tempfile::Builder::new().prefix("okcvm-escape-").tempdir_in("/tmp").expect("folder");
        let shared = PathBuf::from(format!("/dev/shm/okcvm-escape-{number}"));
        for folder in [&workspace, &outside.join(".ssh"), &data.join("sessions/other/workspace")] {
            std::fs::create_dir_all(folder).expect("folder");
        }
        for file in [
            outside.join("secret"),
            outside.join(format!("named-{secret}")),
            outside.join(".ssh/id"),
            outside.join(".bashrc"),
            outside.join("log"),
            data.join("canary"),
            data.join("sessions/other/workspace/notes"),
            temporary.path().join("secret"),
            shared.clone(),
        ] {
            std::fs::write(file, format!("{secret}\n")).expect("file");
        }
        let git = Command::new("git").args(["init", "--quiet"]).arg(&workspace).status().expect("git");
        assert!(git.success());
        let tcp = TcpListener::bind("127.0.0.1:0").expect("listener");
        tcp.set_nonblocking(true).expect("mode");
        let udp = UdpSocket::bind("127.0.0.1:0").expect("socket");
        udp.set_nonblocking(true).expect("mode");
        let named = UnixListener::bind(outside.join("socket")).expect("listener");
        named.set_nonblocking(true).expect("mode");
        let abstract_name = format!("okcvm-escape-{number}");
        let address = SocketAddr::from_abstract_name(&abstract_name).expect("address");
        let abstract_stream = UnixListener::bind_addr(&address).expect("listener");
        abstract_stream.set_nonblocking(true).expect("mode");
        let address = SocketAddr::from_abstract_name(format!("{abstract_name}d")).expect("address");
        let abstract_datagram = UnixDatagram::bind_addr(&address).expect("socket");
        abstract_datagram.set_nonblocking(true).expect("mode");
        for path in [&root, temporary.path(), &shared] {
            who.give(path);
        }
        let key = 0x0e00_0000 + (std::process::id() as i32 % 10_000) * 1000 + (count as i32 % 300) * 3;
        let segment = shared_segment(key, &secret, who);
        let argument = format!("900.{number}");
        let mut victim = who.command("sh");
        let victim = victim
            // A group of its own, so that an attempt on the group reaches no one else.
            .args(["-c", "exec setsid sleep \"$0\"", &argument])
            .env_clear()
            .env("PATH", crate::who::PATH)
            .env("VICTIM", &secret)
            .current_dir(&outside)
            .stdin(std::fs::File::open(outside.join("secret")).expect("file"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a victim");
        let mut canaries = Self {
            workspace,
            outside,
            data,
            temporary,
            shared,
            worked: format!("worked{number}"),
            argument,
            mark: format!("800.{number}"),
            abstract_name,
            key,
            segment,
            victim,
            tcp,
            udp,
            named,
            abstract_stream,
            abstract_datagram,
            before: State { files: BTreeMap::new(), victim: Vec::new() },
            secret,
            folder,
        };
        crate::until("the victim runs", || canaries.victim_arguments().starts_with("sleep "));
        canaries.before = canaries.state();
        canaries
    }

    /// Writes the canaries into an attempt.
    pub fn aim(&self, code: &str) -> String {
        let path = |path: &Path| path.to_string_lossy().into_owned();
        let (first, second) = self.worked.split_at(3);
        [
            // In two pieces, so that an error that quotes the code does not look like a success.
            ("'{WOR''KED}'", format!("'{first}' '{second}'")),
            ("{WORKED}", format!("{first}''{second}")),
            ("{OUT}", path(&self.outside)),
            ("{DATA}", path(&self.data)),
            ("{TMP}", path(self.temporary.path())),
            ("{SHM}", path(&self.shared)),
            ("{MARK}", self.mark.clone()),
            ("{PID}", self.victim.id().to_string()),
            ("{PORT}", self.tcp.local_addr().expect("address").port().to_string()),
            ("{UDP}", self.udp.local_addr().expect("address").port().to_string()),
            ("{ABSTRACT}", self.abstract_name.clone()),
            ("{KEY}", self.key.to_string()),
        ]
        .into_iter()
        .fold(code.to_owned(), |code, (name, value)| code.replace(name, &value))
    }

    /// What the attempt did. Whatever it left is cleared away.
    pub fn effects(&mut self, output: &[u8]) -> Vec<String> {
        // What is sent last may still be on its way.
        std::thread::sleep(std::time::Duration::from_millis(20));
        let mut effects = Vec::new();
        let shows = |text: &str| output.windows(text.len()).any(|window| window == text.as_bytes());
        if shows(&self.secret) {
            effects.push("it saw a secret".to_owned());
        }
        if shows(&self.argument) {
            effects.push("it saw the command line of another program".to_owned());
        }
        if shows(&self.worked) {
            effects.push("it says that it worked".to_owned());
        }
        let state = self.state();
        if state.files != self.before.files {
            effects.push("files changed".to_owned());
        }
        if state.victim != self.before.victim {
            effects.push(format!("a process is not as it was: {:?}", state.victim));
        }
        if self.tcp.accept().is_ok() || self.named.accept().is_ok() || self.abstract_stream.accept().is_ok() {
            effects.push("a connection came in".to_owned());
        }
        if self.udp.recv(&mut [0; 8]).is_ok() || self.abstract_datagram.recv(&mut [0; 8]).is_ok() {
            effects.push("a datagram came in".to_owned());
        }
        let left = marked(&self.mark);
        if !left.is_empty() {
            effects.push("something still runs".to_owned());
            left.iter().for_each(|pid| end(*pid));
        }
        for (list, key, program) in [("msg", self.key + 1, "-Q"), ("sem", self.key + 2, "-S")] {
            let all = std::fs::read_to_string(format!("/proc/sysvipc/{list}")).unwrap_or_default();
            if all.lines().any(|line| line.split_whitespace().next() == Some(&key.to_string())) {
                effects.push(format!("a {list} stays"));
                let _ = Command::new("ipcrm").args([program, &key.to_string()]).status();
            }
        }
        effects
    }

    fn state(&self) -> State {
        let mut files = BTreeMap::new();
        for folder in [&self.outside, &self.data.join("sessions/other"), self.temporary.path()] {
            look(folder, &mut files);
        }
        for file in [&self.data.join("canary"), &self.shared] {
            look(file, &mut files);
        }
        // Of the workspace, what others would run.
        look(&self.workspace.join(".git"), &mut files);
        for entry in std::fs::read_dir(&self.workspace).into_iter().flatten().flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.mode() & 0o6000 != 0 {
                files.insert(entry.path(), (metadata.mode(), 0, Vec::new()));
            }
        }
        State { files, victim: self.victim_state() }
    }

    fn victim_arguments(&self) -> String {
        std::fs::read_to_string(format!("/proc/{}/cmdline", self.victim.id()))
            .unwrap_or_default()
            .replace('\0', " ")
    }

    /// Whether it runs, how soon it goes when memory runs out, and its limit of files.
    fn victim_state(&self) -> Vec<String> {
        let folder = format!("/proc/{}", self.victim.id());
        let stat = std::fs::read_to_string(format!("{folder}/stat")).unwrap_or_default();
        let fields: Vec<&str> =
            stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
        let state = match fields.first() {
            Some(&"S" | &"R" | &"D") => "runs",
            Some(&"T" | &"t") => "stopped",
            Some(_) | None => "gone",
        };
        let limits = std::fs::read_to_string(format!("{folder}/limits")).unwrap_or_default();
        let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap_or_default();
        let memory = std::fs::read_to_string(format!("{folder}/oom_score_adj")).unwrap_or_default();
        vec![state.to_owned(), memory, files.to_owned()]
    }

    /// The folder of the app, apart from its canaries.
    pub fn root(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Canaries {
    fn drop(&mut self) {
        let _ = self.victim.kill();
        let _ = self.victim.wait();
        let _ = std::fs::remove_file(&self.shared);
        let _ = Command::new("ipcrm").args(["-m", &self.segment.to_string()]).stderr(Stdio::null()).status();
    }
}

fn look(path: &Path, files: &mut BTreeMap<PathBuf, (u32, i64, Vec<u8>)>) {
    let Ok(metadata) = path.symlink_metadata() else { return };
    let mode = metadata.permissions().mode();
    if metadata.is_dir() {
        files.insert(path.to_owned(), (mode, 0, Vec::new()));
        for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
            look(&entry.path(), files);
        }
    } else {
        let mut bytes = Vec::new();
        if metadata.is_file() {
            let _ = std::fs::File::open(path).and_then(|mut file| file.read_to_end(&mut bytes));
        }
        files.insert(path.to_owned(), (mode, metadata.mtime(), bytes));
    }
}

/// A segment of System V memory that holds the secret; its number.
fn shared_segment(key: i32, secret: &str, who: Who) -> i32 {
    let code = format!(
        "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.shmat.restype = ctypes.c_void_p\n\
         n = libc.shmget({key}, 4096, 0o1600)\nctypes.memmove(libc.shmat(n, None, 0), b'{secret}', {})\nprint(n)",
        secret.len()
    );
    let output = who.command("python3").args(["-c", &code]).output().expect("python3");
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a segment")
}

/// Processes with that argument.
fn marked(mark: &str) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("/proc").flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let arguments = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if arguments.split(|byte| *byte == 0).any(|argument| argument == mark.as_bytes()) {
            found.push(pid);
        }
    }
    found
}

fn end(pid: u32) {
    let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).status();
}
