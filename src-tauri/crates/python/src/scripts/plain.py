# A kernel of our own, for machines on which Jupyter's cannot be had: nothing but Python's own library.
import ast
import builtins
import linecache
import queue
import signal
import traceback
import types
import warnings

LAST_OUTPUT = 2.0
budget = Budget()
running = False
_pipe_out, _pipe_in = os.pipe()
os.dup2(_pipe_in, 1)
os.dup2(_pipe_in, 2)
os.set_inheritable(1, True)
os.set_inheritable(2, True)
sys.stdout = os.fdopen(1, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)
sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)


class Reader(threading.Thread):
    """Passes on what is written to files 1 and 2, by whatever process."""

    def __init__(self):
        super().__init__(daemon=True)
        self.mark = b""
        self.settled = threading.Event()

    def run(self):
        import codecs

        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        held = b""
        while True:
            piece = os.read(_pipe_out, 1 << 16)
            if not piece:
                return
            held += piece
            if self.mark and self.mark in held:
                before, _, held = held.partition(self.mark)
                self.mark = b""
                self.show(decoder.decode(before))
                self.settled.set()
            # A mark may lie across two pieces.
            kept = 31 if self.mark else 0
            if len(held) > kept:
                cut = len(held) - kept
                self.show(decoder.decode(held[:cut]))
                held = held[cut:]

    def show(self, text):
        if text and running:
            budget.stream(text)

    def settle(self):
        """Waits until all that was written so far is passed on."""
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:
                pass
        self.settled.clear()
        mark = os.urandom(16).hex().encode("ascii")
        self.mark = mark
        try:
            os.write(_pipe_in, mark)
        except OSError:
            return
        self.settled.wait(LAST_OUTPUT)
        self.mark = b""


reader = Reader()
reader.start()
user = types.ModuleType("__main__")
user.__dict__["__builtins__"] = builtins
sys.modules["__main__"] = user
cells = 0


def bundle(value):
    data = {}
    try:
        made = value._repr_mimebundle_() if hasattr(value, "_repr_mimebundle_") else None
        made = made[0] if isinstance(made, tuple) else made
        data.update({kind: encoded(item) if isinstance(item, bytes) else item for kind, item in (made or {}).items()})
    except Exception:
        pass
    for method, kind in (
        ("_repr_png_", "image/png"), ("_repr_jpeg_", "image/jpeg"), ("_repr_svg_", "image/svg+xml"),
        ("_repr_html_", "text/html"), ("_repr_latex_", "text/latex"), ("_repr_markdown_", "text/markdown"),
    ):
        if kind in data or isinstance(value, type) or not hasattr(type(value), method):
            continue
        try:
            made = getattr(value, method)()
        except Exception:
            continue
        made = made[0] if isinstance(made, tuple) else made
        if made is not None:
            data[kind] = encoded(made) if isinstance(made, (bytes, bytearray)) else made
    data.setdefault("text/plain", repr(value))
    return data


def display(*values):
    """Shows values as a cell shows its last one: pictures, tables, text."""
    for value in values:
        data = bundle(value)
        reader.settle()
        budget.display(data)


def figures():
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None:
        return
    import io

    for number in pyplot.get_fignums():
        figure = pyplot.figure(number)
        picture = io.BytesIO()
        figure.savefig(picture, format="png", bbox_inches="tight")
        reader.settle()
        budget.display({"image/png": encoded(picture.getvalue()), "text/plain": repr(figure)})
    pyplot.close("all")


class StdinNotImplementedError(RuntimeError):
    pass


def no_input(prompt=""):
    raise StdinNotImplementedError("input() does not work here: nobody can type into a cell. Put the value into the code.")


def _shell(command):
    """Runs a line that began with `!`."""
    sys.stdout.flush()
    return subprocess.run(command, shell=True, stdin=subprocess.DEVNULL, check=False).returncode


def _lines(command):
    """What a command prints, a line each: `names = !ls`."""
    done = subprocess.run(command, shell=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
    return done.stdout.decode("utf-8", "replace").splitlines()


def translated(text):
    """Lines that begin with `!`, as Python. Everything else is left as it is."""
    first, _, rest = text.lstrip().partition("\n")
    if first.strip() in ("%%bash", "%%sh"):
        return f"__import__('builtins').okcvm_shell({rest!r});"
    try:
        ast.parse(text)
        return text
    except (SyntaxError, ValueError):
        pass
    lines = []
    for line in text.split("\n"):
        bare = line.lstrip()
        indent = line[: len(line) - len(bare)]
        assigned = re.match(r"([A-Za-z_]\w*)\s*=\s*!(.*)", bare)
        if assigned:
            line = f"{indent}{assigned[1]} = __import__('builtins').okcvm_lines({assigned[2]!r})"
        elif bare.startswith("!"):
            line = f"{indent}_exit_code = __import__('builtins').okcvm_shell({bare[1:].lstrip('!')!r})"
        elif re.match(r"%pip\b", bare):
            line = f"{indent}_exit_code = __import__('builtins').okcvm_shell({('python3 -m ' + bare[1:])!r})"
        elif re.match(r"%%?[A-Za-z_]\w*", bare):
            name = re.match(r"%%?\w+", bare)[0]
            raise UsageError(f"{name} needs IPython, which this kernel does not have. Use plain Python, or `!` for the shell.")
        lines.append(line)
    return "\n".join(lines)


class UsageError(Exception):
    pass


def run(text):
    """Whether it went well."""
    global cells
    cells += 1
    name = f"<cell {cells}>"
    try:
        source = translated(text)
        linecache.cache[name] = (len(source), None, [line + "\n" for line in source.split("\n")], name)
        tree = ast.parse(source, name)
        last = None
        if tree.body and isinstance(tree.body[-1], ast.Expr) and not source.rstrip().endswith(";"):
            last = ast.Expression(tree.body.pop().value)
        exec(compile(tree, name, "exec"), user.__dict__)
        if last is not None:
            value = eval(compile(last, name, "eval"), user.__dict__)
            if value is not None:
                user.__dict__["_"] = value
                display(value)
        figures()
        return True
    except SystemExit as error:
        reader.settle()
        tell(type="error", name="SystemExit", text=f"SystemExit: {error}")
        tell(type="ended", code=error.code if isinstance(error.code, int) else 0)
        os._exit(error.code if isinstance(error.code, int) else 0)
    except BaseException as error:
        reader.settle()
        tell(type="error", name=type(error).__name__, text=words(error)[:MOST_TEXT])
        return False


def words(error):
    try:
        if isinstance(error, UsageError):
            return f"UsageError: {error}"
        frames = error.__traceback__
        if isinstance(error, SyntaxError) and str(error.filename).startswith("<cell "):
            frames = None
        while frames is not None and frames.tb_frame.f_code.co_filename == "<string>":
            frames = frames.tb_next
        return "".join(traceback.format_exception(type(error), error, frames)).rstrip()
    except BaseException:
        return f"{type(error).__name__} (its traceback cannot be written)"


def listen(waiting):
    for line in requests:
        try:
            request = json.loads(line)
        except ValueError:
            continue
        if request.get("op") == "interrupt":
            if running:
                os.killpg(os.getpgrp(), signal.SIGINT)
        else:
            waiting.put(request)
    os._exit(0)


def main():
    global running, budget
    prepare_figures(sys.argv[1] if len(sys.argv) > 1 else None)
    os.environ["MPLBACKEND"] = "agg"
    warnings.filterwarnings("ignore", message=".*non-interactive, and thus cannot be shown.*")
    builtins.input = no_input
    builtins.display = display
    builtins.okcvm_shell = _shell
    builtins.okcvm_lines = _lines
    sys.path.insert(0, "")
    packages = os.environ.get("OKCVM_PACKAGES")
    if packages:
        sys.path.append(packages)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    waiting = queue.Queue()
    threading.Thread(target=listen, args=(waiting,), daemon=True).start()
    tell(type="ready", kernel="plain", version="1", python=".".join(map(str, sys.version_info[:3])))
    while True:
        request = waiting.get()
        if request.get("op") != "run":
            continue
        budget = Budget()
        running = True
        ok = False
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            try:
                ok = run(request.get("code", ""))
            finally:
                signal.signal(signal.SIGINT, signal.SIG_IGN)
        except KeyboardInterrupt:
            # It came between the end of the cell and here.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        reader.settle()
        running = False
        tell(type="done", ok=ok, dropped=budget.dropped)


main()
