//! Both kernels as they are, behind the sandbox: Jupyter's in the full tier, ours in the reduced one, which allows no
//! sockets. The environment is made by the app's own code, in the user's cache folder, and kept between runs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use okcvm_protocol::PythonState;
use okcvm_python::{Cell, CellEnd, Environment, KernelError, KernelEvent, KernelKind, Kernels, Ran, Renewal};
use okcvm_sandbox::{Sandbox, Tier};
use tokio_util::sync::CancellationToken;

use crate::desk::command;

/// No cell of a test takes longer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Making the environment, with its downloads.
const MAKING: Duration = Duration::from_secs(600);

/// Where the tests keep the environment between runs.
pub fn environment_folder() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    cache.unwrap_or_else(|| std::env::home_dir().unwrap().join(".cache")).join("okcvm-ci").join("python")
}

/// The environment; made if it is not there yet. A package that cannot be had is a failure that names it.
pub async fn environment() -> Environment {
    let environment = Environment::new(environment_folder(), std::env::var_os("PATH"), std::env::home_dir());
    let cancel = CancellationToken::new();
    let making = environment.create(Renewal::Keep, &|_| {}, &cancel);
    let installed = tokio::time::timeout(MAKING, making).await.expect("the environment was not made in time");
    if let Err(error) = installed {
        panic!("the environment of the tests cannot be made: {error}");
    }
    assert_eq!(environment.state(), PythonState::Ready);
    environment
}

/// Kernels and a session.
pub struct Bench {
    pub kernels: Kernels,
    folder: tempfile::TempDir,
    pub kind: KernelKind,
}

/// What a cell gave.
pub struct Gave {
    pub ran: Ran,
    /// Text, displays as text, and errors.
    pub text: String,
    pub pictures: Vec<(String, String)>,
    pub html: Vec<String>,
    /// When the first text came, from the start of the cell.
    pub first: Option<Duration>,
    pub longest_event: usize,
    pub total: usize,
}

impl Bench {
    pub async fn new(kind: KernelKind) -> Self {
        Self::with(kind, environment().await, Duration::from_secs(600))
    }

    pub fn with(kind: KernelKind, environment: Environment, idle: Duration) -> Self {
        let tier = match kind {
            KernelKind::Jupyter => Tier::Full,
            KernelKind::Plain => Tier::Reduced,
        };
        let sandbox = Sandbox::probe_at_most(command(), tier);
        assert_eq!(sandbox.tier(), Some(tier), "{:?}", sandbox.status());
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("workspace")).unwrap();
        Self { kernels: Kernels::with_idle_limit(sandbox, environment, idle), folder, kind }
    }

    pub fn workspace(&self) -> PathBuf {
        self.folder.path().join("workspace")
    }

    pub fn cell(&self, code: &str) -> Cell {
        Cell {
            session: "one".to_owned(),
            workspace: self.workspace(),
            session_folder: self.folder.path().to_owned(),
            code: code.to_owned(),
            restart: false,
            spare: Vec::new(),
            untrusted: Vec::new(),
            cancel: CancellationToken::new(),
            door: None,
        }
    }

    pub async fn try_cell(&self, cell: Cell) -> Result<Gave, KernelError> {
        let begun = Instant::now();
        let (sender, mut receiver) = tokio::sync::mpsc::channel(16);
        let taking = async {
            let (mut text, mut pictures, mut html) = (String::new(), Vec::new(), Vec::new());
            let (mut first, mut longest_event, mut total) = (None, 0, 0);
            while let Some(event) = receiver.recv().await {
                match event {
                    KernelEvent::Progress(_) => {}
                    KernelEvent::Stream(piece) => {
                        first.get_or_insert(begun.elapsed());
                        longest_event = longest_event.max(piece.len());
                        total += piece.len();
                        if text.len() < 1 << 20 {
                            text.push_str(&piece);
                        }
                    }
                    KernelEvent::Error(piece) => text.push_str(&piece),
                    KernelEvent::Display(data) => {
                        for (kind, value) in data {
                            match kind.as_str() {
                                "text/html" => html.push(value),
                                kind if kind.starts_with("image/") => pictures.push((kind.to_owned(), value)),
                                _ => text.push_str(&value),
                            }
                        }
                    }
                }
            }
            (text, pictures, html, first, longest_event, total)
        };
        let both = async { tokio::join!(self.kernels.run(cell, sender), taking) };
        let (ran, (text, pictures, html, first, longest_event, total)) =
            tokio::time::timeout(PATIENCE, both).await.expect("the cell did not end in time");
        Ok(Gave { ran: ran?, text, pictures, html, first, longest_event, total })
    }

    pub async fn run(&self, code: &str) -> Gave {
        self.try_cell(self.cell(code)).await.unwrap()
    }

    /// The text of a cell that must go well.
    pub async fn good(&self, code: &str) -> String {
        let gave = self.run(code).await;
        assert_eq!(gave.ran.end, CellEnd::Done, "{code}: {}", gave.text);
        assert_eq!(gave.ran.kind, self.kind, "{:?}", gave.ran.notes);
        gave.text
    }

    /// A cell that is stopped after a while, and how long that took.
    async fn stopped(&self, code: &str) -> (Gave, Duration) {
        let cell = self.cell(code);
        let cancel = cell.cancel.clone();
        let stop = async {
            tokio::time::sleep(Duration::from_millis(600)).await;
            cancel.cancel();
            Instant::now()
        };
        let (gave, asked) = tokio::join!(self.try_cell(cell), stop);
        (gave.unwrap(), asked.elapsed())
    }
}

const BOTH: [KernelKind; 2] = [KernelKind::Jupyter, KernelKind::Plain];

/// Processes with a word in their command line, in whatever namespace.
pub fn processes(word: &str) -> usize {
    let with_word = |entry: std::fs::DirEntry| {
        let text = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&text).contains(word)
    };
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter(|_| true)
        .map(with_word)
        .filter(|found| *found)
        .count()
}

/// A number of seconds to sleep that no other test uses.
pub fn marker() -> String {
    use std::hash::{BuildHasher, RandomState};
    format!("{}", 1_000_000 + RandomState::new().hash_one(0) % 1_000_000_000)
}

/// A process that was just started has no words yet while its program is put in place.
pub async fn there(word: &str) {
    let begun = Instant::now();
    while processes(word) == 0 {
        assert!(begun.elapsed() < Duration::from_secs(10), "no such process");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub async fn gone(word: &str) {
    let begun = Instant::now();
    while processes(word) > 0 {
        assert!(begun.elapsed() < Duration::from_secs(10), "{} processes are left", processes(word));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_stay_until_a_restart() {
    for kind in BOTH {
        let bench = Bench::new(kind).await;
        assert_eq!(bench.good("import math\nx = 6 * 7").await, "");
        assert_eq!(bench.good("x + math.floor(0.5)").await, "42");
        assert_eq!(bench.good("x;").await, "");
        let mut cell = bench.cell("'x' in globals()");
        cell.restart = true;
        let gave = bench.try_cell(cell).await.unwrap();
        assert_eq!(gave.text, "False", "{kind:?}");
        assert!(gave.ran.notes.iter().any(|note| note.contains("restarted")), "{:?}", gave.ran.notes);
        if kind == KernelKind::Plain {
            assert!(
                gave.ran.notes.iter().any(|note| note.contains("reduced sandbox")),
                "{:?}",
                gave.ran.notes
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_tables_and_formulas_come_as_what_they_are() {
    for kind in BOTH {
        let bench = Bench::new(kind).await;
        let gave = bench
            .run("import matplotlib.pyplot as plt, warnings\nwarnings.simplefilter('error')\nplt.plot([1, 2])\nplt.title('漢字 かな 한국어 中文')\nplt.show()")
            .await;
        assert_eq!(gave.ran.end, CellEnd::Done, "{kind:?}: {}", gave.text);
        assert!(!gave.text.contains("Glyph"), "{}", gave.text);
        let [(media, picture)] = gave.pictures.as_slice() else {
            panic!("{kind:?}: {}", gave.pictures.len())
        };
        assert_eq!(media, "image/png");
        assert!(picture.starts_with("iVBORw0KGgo"), "{}", &picture[..20]);

        let vector = "class Vector:\n  def _repr_svg_(self): return '<svg xmlns=\"http://www.w3.org/2000/svg\"></svg>'\nVector()";
        let gave = bench.run(vector).await;
        assert_eq!(gave.pictures.len(), 1, "{}", gave.text);
        assert_eq!(gave.pictures[0].0, "image/svg+xml");

        let gave = bench.run("import pandas\npandas.DataFrame({'name': ['漢', 'b'], 'n': [1, 2]})").await;
        assert!(gave.text.contains('漢') && gave.html[0].contains("<table"), "{}", gave.text);

        let formula = "class Formula:\n  def _repr_latex_(self): return '$x^2$'\nFormula()";
        assert!(bench.good(formula).await.contains("$x^2$"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_figure_in_svg_is_one() {
    let bench = Bench::new(KernelKind::Jupyter).await;
    let gave = bench
        .run("%config InlineBackend.figure_formats = ['svg']\nimport matplotlib.pyplot as plt\nplt.plot([1, 2]);")
        .await;
    assert_eq!(gave.pictures.len(), 1, "{}", gave.text);
    assert_eq!(gave.pictures[0].0, "image/svg+xml");
    assert!(gave.pictures[0].1.contains("<svg"));
}

#[tokio::test(flavor = "multi_thread")]
async fn output_comes_in_order_and_early() {
    for kind in BOTH {
        let bench = Bench::new(kind).await;
        bench.good("import time, sys, os").await;
        let begun = Instant::now();
        let gave = bench
            .run("print('one')\nsys.stdout.flush()\ntime.sleep(4)\nprint('two')\nos.system('echo three')\nprint('four')")
            .await;
        let (first, whole) = (gave.first.unwrap(), begun.elapsed());
        assert!(whole >= first + Duration::from_secs(1), "{kind:?}: {first:?} of {whole:?}");
        let at = |word: &str| gave.text.find(word).unwrap_or_else(|| panic!("{kind:?}: {}", gave.text));
        assert!(at("one") < at("two") && at("two") < at("four") && at("three") > 0, "{}", gave.text);
        assert!(bench.good("print('out'); print('err', file=sys.stderr)").await.contains("err"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_the_shell_and_magics_work() {
    for kind in BOTH {
        let bench = Bench::new(kind).await;
        std::fs::write(bench.workspace().join("there.txt"), "x").unwrap();
        assert!(bench.good("!ls").await.contains("there.txt"), "{kind:?}");
        assert!(bench.good("names = !ls\nnames").await.contains("there.txt"));
        assert!(bench.good("%%bash\necho from $((6 * 7))").await.contains("from 42"));
        let timed = bench.run("%timeit -n1 -r1 1 + 1").await;
        match kind {
            KernelKind::Jupyter => assert!(timed.text.contains("per loop"), "{}", timed.text),
            KernelKind::Plain => {
                assert_eq!(timed.ran.end, CellEnd::Failed);
                assert!(timed.text.contains("%timeit needs IPython"), "{}", timed.text);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_come_as_plain_tracebacks() {
    for kind in BOTH {
        let bench = Bench::new(kind).await;
        let gave = bench.run("def broken():\n    return 1 / 0\nbroken()").await;
        assert_eq!(gave.ran.end, CellEnd::Failed);
        assert!(
            gave.text.contains("ZeroDivisionError") && gave.text.contains("return 1 / 0"),
            "{}",
            gave.text
        );
        assert!(!gave.text.contains('\u{1b}'), "{kind:?}: {:?}", gave.text);
        let gave = bench.run("x = = 1").await;
        assert!(gave.text.contains("SyntaxError"), "{kind:?}: {}", gave.text);
        let gave = bench.run("input('name? ')").await;
        assert_eq!(gave.ran.end, CellEnd::Failed);
        assert!(gave.text.contains("StdinNotImplementedError"), "{}", gave.text);
        assert_eq!(bench.good("'漢😀' + chr(233)").await, "'漢😀é'");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_ends_the_cell_and_keeps_the_names() {
    for kind in BOTH {
        let bench = Bench::new(kind).await;
        bench.good("import time\nkept = 'still here'").await;
        for code in ["time.sleep(50)", "while True: pass", "!sleep 50"] {
            let (gave, took) = bench.stopped(code).await;
            assert_eq!(gave.ran.end, CellEnd::Interrupted, "{kind:?} {code}: {}", gave.text);
            assert!(took < Duration::from_secs(20), "{kind:?} {code}: {took:?}");
            assert_eq!(bench.good("kept").await, "'still here'", "{kind:?} {code}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cell_that_heeds_no_interrupt_is_ended_with_its_kernel() {
    for kind in BOTH {
        let bench = Bench::new(kind).await;
        let stubborn =
            "import time\nwhile True:\n  try:\n    time.sleep(1)\n  except KeyboardInterrupt:\n    pass";
        bench.good("1").await;
        let (gave, took) = bench.stopped(stubborn).await;
        assert_eq!(gave.ran.end, CellEnd::Ended, "{kind:?}");
        assert!(took >= Duration::from_millis(2_900) && took < Duration::from_secs(30), "{took:?}");
        let gave = bench.run("'time' in globals()").await;
        assert_eq!(gave.text, "False");
        assert!(gave.ran.notes.iter().any(|note| note.contains("did not heed")), "{:?}", gave.ran.notes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kernel_that_dies_is_reported_and_replaced() {
    for kind in BOTH {
        let bench = Bench::new(kind).await;
        for (code, reason) in [
            ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "signal 9"),
            ("import os\nos._exit(3)", "exit code 3"),
            ("import ctypes\nctypes.string_at(0)", "signal 11"),
        ] {
            let gave = bench.run(code).await;
            let CellEnd::Died(told) = &gave.ran.end else { panic!("{kind:?} {code}: {:?}", gave.ran.end) };
            assert!(told.contains(reason), "{kind:?} {code}: {told}");
            let gave = bench.run("'os' in globals()").await;
            assert_eq!((gave.text.as_str(), &gave.ran.end), ("False", &CellEnd::Done));
            assert!(gave.ran.notes.iter().any(|note| note.contains("a new kernel was started")), "{kind:?}");
        }
        // Between two cells.
        bench.good("import threading, os\nthreading.Timer(0.3, os._exit, [7]).start()").await;
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        let gave = bench.run("1").await;
        assert_eq!(gave.text, "1", "{kind:?}");
        assert!(
            gave.ran.notes.iter().any(|note| note.contains("a new kernel")),
            "{kind:?}: {:?}",
            gave.ran.notes
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_beyond_the_limit_is_an_error_and_not_the_end() {
    for kind in BOTH {
        let bench = Bench::new(kind).await;
        let gave = bench.run("x = bytearray(20 << 30)").await;
        assert_eq!(gave.ran.end, CellEnd::Failed);
        assert!(gave.text.contains("MemoryError"), "{kind:?}: {}", gave.text);
        assert_eq!(bench.good("1").await, "1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_output_is_cut_and_the_kernel_lives() {
    for kind in BOTH {
        let bench = Bench::new(kind).await;
        let flood = "import sys\nfor _ in range(130):\n    sys.stdout.write('x' * (1 << 20))";
        let gave = bench.run(flood).await;
        assert_eq!(gave.ran.end, CellEnd::Done, "{kind:?}: {}", gave.text.len());
        assert!(gave.total <= 65 << 20, "{kind:?}: {}", gave.total);
        assert!(gave.ran.dropped > 60 << 20, "{kind:?}: {}", gave.ran.dropped);
        assert!(gave.longest_event <= 1 << 20, "{}", gave.longest_event);
        assert_eq!(bench.good("1").await, "1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_output_is_stopped_before_it_fills_the_memory() {
    let bench = Bench::new(KernelKind::Jupyter).await;
    bench.good("kept = 7").await;
    let stubborn = "import resource\nwhile True:\n    try:\n        print('y' * 100_000)\n    except KeyboardInterrupt:\n        \
                    break";
    for code in ["while True: print('y' * 100_000)", stubborn] {
        let gave = bench.run(code).await;
        assert!(!matches!(gave.ran.end, CellEnd::Died(_)), "{:?}", gave.ran.end);
        assert!(gave.text.contains("the cell printed too much"), "{:?}", gave.ran.end);
    }
    assert!(bench.good("print(kept)").await.starts_with('7'));
    let used = bench.good("import resource\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)").await;
    let used: u64 = used.trim().parse().unwrap();
    assert!(used < 1 << 20, "{used} kB");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cell_that_ends_the_kernel_says_so_and_help_is_shown() {
    let bench = Bench::new(KernelKind::Jupyter).await;
    let help = bench.good("print?").await;
    assert!(help.contains("Docstring"), "{help}");
    let gave = bench.run("quit").await;
    assert!(matches!(gave.ran.end, CellEnd::Died(_)), "{:?}", gave.ran.end);
    bench.good("print(1)").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn code_in_jupyter_s_kernel_has_no_file_that_leads_to_the_app() {
    let bench = Bench::new(KernelKind::Jupyter).await;
    let code = "import os\n\
        def files(process):\n\
        \x20   found = {}\n\
        \x20   for name in os.listdir(f'/proc/{process}/fd'):\n\
        \x20       try: found[int(name)] = os.readlink(f'/proc/{process}/fd/{name}')\n\
        \x20       except OSError: pass\n\
        \x20   return found\n\
        relay = files(os.getppid())\n\
        relay[1].startswith('socket:'), relay[1] in files('self').values()";
    assert_eq!(bench.good(code).await, "(True, False)");
}

/// Where Landlock cannot hold which local sockets are spoken to, the list of checks says so, and nowhere else.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_local_socket_in_the_workspace_is_in_reach_exactly_where_the_checks_say_so() {
    let bench = Bench::new(KernelKind::Jupyter).await;
    let _listener = std::os::unix::net::UnixListener::bind(bench.workspace().join("service")).unwrap();
    let gave = bench.run("import socket\nsocket.socket(socket.AF_UNIX).connect('service')").await;
    let reached = gave.ran.end == CellEnd::Done;
    let status = bench.kernels.sandbox().status();
    let said = status.layers.iter().any(|layer| layer.name == "Local sockets");
    assert_eq!(reached, said, "{}\n{status:?}", gave.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_outside_stays_outside() {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret");
    std::fs::write(&secret, "canary").unwrap();
    let socket = outside.path().join("socket");
    let local = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    local.set_nonblocking(true).unwrap();
    let at_home = tempfile::tempdir_in(std::env::home_dir().unwrap()).unwrap();
    // Outside of the sandbox, all of it works.
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "canary");
    drop(std::net::TcpStream::connect(("127.0.0.1", port)).unwrap());
    listener.accept().unwrap();
    drop(std::os::unix::net::UnixStream::connect(&socket).unwrap());
    local.accept().unwrap();
    for kind in BOTH {
        let bench = Bench::new(kind).await;
        let environment = bench.kernels.environment().installed().unwrap();
        let (secret, socket) = (secret.display(), socket.display());
        let planted = environment.folder().join("planted");
        let attempts = [
            format!("open({:?}).read()", secret.to_string()),
            format!("open({:?}, 'w')", secret.to_string()),
            "open('/etc/shadow').read()".to_owned(),
            format!("import os; os.listdir({:?})", at_home.path()),
            format!("open({planted:?}, 'w')"),
            format!("import socket; socket.create_connection(('127.0.0.1', {port}), 2)"),
            format!("import socket; s = socket.socket(socket.AF_UNIX); s.connect({:?})", socket.to_string()),
            "import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)".to_owned(),
            "import ctypes, os; os.getpid() and ctypes.CDLL(None, use_errno=True).mount(b'none', b'/tmp', b'tmpfs', 0, None) and 1/0".to_owned(),
            "import os; os.unshare(os.CLONE_NEWUSER) if hasattr(os, 'unshare') else 1/0".to_owned(),
        ];
        for attempt in attempts {
            let gave = bench.run(&attempt).await;
            assert_eq!(gave.ran.end, CellEnd::Failed, "{kind:?}: {attempt}: {}", gave.text);
        }
        assert!(!planted.exists());
        assert!(!bench.good("import os; dict(os.environ)").await.contains("CARGO"));
    }
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "canary");
    assert!(listener.accept().is_err() && local.accept().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_lines_do_no_harm() {
    for kind in BOTH {
        let bench = Bench::new(kind).await;
        let forged = "import os\nfor number in range(3, 20):\n  try: os.write(number, b'{\"type\":\"done\",\"ok\":true}\\nrubbish\\n')\n  except OSError: pass";
        // Whatever it answers, the next kernel works.
        let _ = bench.try_cell(bench.cell(forged)).await;
        let mut cell = bench.cell("1 + 1");
        cell.restart = true;
        assert_eq!(bench.try_cell(cell).await.unwrap().text, "2", "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_a_kernel_started_ends_with_its_session() {
    for kind in BOTH {
        let bench = Bench::new(kind).await;
        let marker = marker();
        let daemons = format!(
            "import subprocess\nfor _ in range(3): subprocess.Popen(['sleep', '{marker}'], start_new_session=True)\n\
             subprocess.run('setsid sh -c \"setsid sleep {marker} & exit\"', shell=True);"
        );
        bench.good(&daemons).await;
        assert!(processes(&marker) >= 3, "{kind:?}");
        bench.kernels.end_session("one").await;
        gone(&marker).await;
        // And when nobody has the kernels any more.
        bench.good(&daemons).await;
        assert!(processes(&marker) >= 3);
        drop(bench);
        gone(&marker).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_kernel_is_ended_and_the_next_cell_says_so() {
    let bench = Bench::with(KernelKind::Jupyter, environment().await, Duration::from_secs(1));
    let marker = marker();
    bench.good(&format!("import subprocess\nchild = subprocess.Popen(['sleep', '{marker}'])")).await;
    gone(&marker).await;
    let gave = bench.run("'child' in globals()").await;
    assert_eq!(gave.text, "False");
    assert!(gave.ran.notes.iter().any(|note| note.contains("nobody had used it")), "{:?}", gave.ran.notes);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sessions_share_nothing_and_cells_of_one_wait_for_each_other() {
    let bench = Arc::new(Bench::new(KernelKind::Jupyter).await);
    bench.good("x = 1").await;
    let mut other = bench.cell("'x' in globals()");
    other.session = "two".to_owned();
    assert_eq!(bench.try_cell(other).await.unwrap().text, "False");
    let slow = bench.cell("import time\ntime.sleep(1)\nx = 2");
    let quick = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        bench.good("x").await
    };
    let (slow, quick) = tokio::join!(bench.try_cell(slow), quick);
    slow.unwrap();
    assert_eq!(quick, "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_of_the_files_is_said_once() {
    let bench = Bench::new(KernelKind::Jupyter).await;
    bench.good("x = 1").await;
    bench.kernels.files_moved("one");
    let gave = bench.run("x").await;
    assert_eq!(gave.text, "1");
    assert!(gave.ran.notes.iter().any(|note| note.contains("put back")), "{:?}", gave.ran.notes);
    assert!(bench.run("x").await.ran.notes.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kernel_does_not_go_on_in_a_folder_that_another_one_took_the_place_of() {
    let bench = Bench::new(KernelKind::Plain).await;
    bench.good("x = 1").await;
    std::fs::remove_dir_all(bench.workspace()).unwrap();
    std::fs::create_dir(bench.workspace()).unwrap();
    let gave = bench.run("open('a.txt', 'w').write('a')\n'x' in globals()").await;
    assert_eq!(gave.text, "False");
    assert!(bench.workspace().join("a.txt").exists());
    let notes = gave.ran.notes.join("\n");
    assert!(notes.contains("the files lie in another folder now"), "{notes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_cell_leaves_for_git_is_put_aside_and_what_the_user_sets_up_stays() {
    let bench = Bench::new(KernelKind::Jupyter).await;
    let make = "import subprocess\nsubprocess.run('git init -q new && cd new && git config alias.bad !true && \
                echo x > .git/hooks/post-checkout', shell=True, check=True)\nNone";
    let gave = bench.run(make).await;
    assert_eq!(gave.ran.end, CellEnd::Done, "{}", gave.text);
    let notes = gave.ran.notes.join("\n");
    assert!(notes.contains("new/.git/config (alias.bad), new/.git/hooks (hooks)"), "{notes}");
    // Between two cells.
    let git = bench.workspace().join("new/.git");
    std::fs::create_dir(git.join("hooks")).unwrap();
    std::fs::write(git.join("hooks/pre-commit"), "#!/bin/sh\n").unwrap();
    let own = std::fs::read_to_string(git.join("config")).unwrap() + "[alias]\n\town = !true\n";
    std::fs::write(git.join("config"), &own).unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    // Nobody knows whether the kernel did that, so it stays, and is told once.
    let notes = bench.run("1").await.ran.notes.join("\n");
    assert!(
        notes.contains("git may run what stands in new/.git/config, new/.git/hooks for the user"),
        "{notes}"
    );
    assert!(notes.contains("between two cells"), "{notes}");
    let gave = bench.run("1").await;
    assert!(gave.ran.notes.is_empty(), "{:?}", gave.ran.notes);
    assert!(git.join("hooks/pre-commit").exists());
    assert_eq!(std::fs::read_to_string(git.join("config")).unwrap(), own);
    // A repository that one cell made and another one changes.
    let change = "subprocess.run('cd new && git config core.fsmonitor /tmp/x', shell=True, check=True)\nNone";
    let notes = bench.run(change).await.ran.notes.join("\n");
    assert!(notes.contains("git may run what stands in new/.git/config"), "{notes}");
    assert!(std::fs::read_to_string(git.join("config")).unwrap().contains("own = !true"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_cell_leaves_for_git_is_put_aside_when_its_call_is_dropped() {
    let bench = Bench::new(KernelKind::Plain).await;
    bench.good("import subprocess, time").await;
    let marker = marker();
    let code = format!(
        "subprocess.run('git init -q new && git -C new config core.fsmonitor /tmp/x && touch made', shell=True)\n\
         subprocess.run(['sleep', '{marker}'])"
    );
    let config = bench.workspace().join("new/.git/config");
    tokio::select! {
        _ = bench.run(&code) => panic!("it ended"),
        () = there(&marker) => {}
    }
    assert!(std::fs::read_to_string(&config).unwrap().contains("fsmonitor"));
    // Without another cell.
    gone(&marker).await;
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while !bench.workspace().join("new/.git/config.put-aside").exists() {
        assert!(std::time::Instant::now() < deadline, "nobody looked");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!std::fs::read_to_string(&config).unwrap().contains("fsmonitor"));
    let notes = bench.run("1").await.ran.notes.join("\n");
    assert!(notes.contains("new/.git/config (core.fsmonitor)"), "{notes}");
    assert!(notes.contains("its last cell did not come to an end"), "{notes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_kernel_leaves_between_cells_is_told_by_the_next_one() {
    let bench = Bench::new(KernelKind::Plain).await;
    let script = "sleep 1; git init -q late; git -C late config core.fsmonitor /tmp/x; touch done";
    bench.good(&format!("import subprocess\nsubprocess.Popen({script:?}, shell=True)\nNone")).await;
    while !bench.workspace().join("done").exists() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let notes = bench.run("1").await.ran.notes.join("\n");
    assert!(notes.contains("git may run what stands in late/.git/config for the user"), "{notes}");
    assert!(notes.contains("between two cells"), "{notes}");
}
