# What both kernels share: the channel to the app, and what is set up before user code runs.
#
# The app writes one JSON object a line to file 0 and reads one JSON object a line from file 1. Both are moved away
# before user code runs. That keeps user code from mixing its output into the lines by accident; the app believes none
# of them more than it believes the output of a command.
import base64
import json
import os
import re
import shutil
import subprocess
import sys
import threading

MOST_OUTPUT = 64 << 20
# Beyond what is passed on; a cell that prints more is stopped, since what it prints piles up faster than it is taken.
MOST_DROPPED = 192 << 20
MOST_TEXT = 8 << 20
MOST_PICTURE = 20 << 20
MOST_DISPLAYS = 100
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml")
TEXTS = ("text/latex", "text/markdown", "text/html", "text/plain", "application/json")

requests = os.fdopen(os.dup(0), "rb")
_answers = os.dup(1)
_lock = threading.Lock()
_nothing = os.open(os.devnull, os.O_RDONLY)
os.dup2(_nothing, 0)
os.close(_nothing)


def tell(**event):
    line = json.dumps(event, ensure_ascii=True, default=str).encode("ascii") + b"\n"
    with _lock:
        while line:
            line = line[os.write(_answers, line):]


class Budget:
    """What one cell may still send."""

    def __init__(self):
        self.output = MOST_OUTPUT
        self.displays = MOST_DISPLAYS
        self.dropped = 0

    def stream(self, text):
        size = len(text)
        if size > self.output:
            self.dropped += size - self.output
            text = text[: self.output]
        self.output -= len(text)
        # A line of JSON stays small enough to be read whole.
        for start in range(0, len(text), 1 << 20):
            tell(type="stream", text=text[start : start + (1 << 20)])

    def display(self, data):
        """`data` is a bundle of media types, pictures in base64."""
        if self.displays == 0:
            self.dropped += sum(len(value) for value in data.values() if isinstance(value, str)) + 1
            return
        self.displays -= 1
        kept = {}
        for kind in PICTURES + TEXTS:
            value = data.get(kind)
            if value is None:
                continue
            if isinstance(value, (list, tuple)):
                value = "".join(map(str, value))
            elif not isinstance(value, str):
                value = json.dumps(value, default=str)
            limit = MOST_PICTURE * 4 // 3 if kind in PICTURES else MOST_TEXT
            if len(value) > limit:
                if kind == "text/plain":
                    value = value[:limit]
                else:
                    kept.setdefault("text/plain", f"[{kind} of {len(value):,} characters is too large to be shown]")
                    continue
            kept[kind] = value
        tell(type="display", data=kept)


# Families with Chinese, Japanese and Korean characters, under the names that matplotlib knows them by, the best first.
CJK = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC", "Source Han Sans CN", "Noto Sans SC", "Noto Sans JP",
    "Noto Sans KR", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Droid Sans Fallback", "Noto Serif CJK JP",
    "IPAexGothic", "NanumGothic", "AR PL UMing CN", "Microsoft YaHei", "SimHei", "PingFang SC", "Hiragino Sans GB",
)


def _families():
    try:
        listed = subprocess.run(
            ["fc-list", ":", "family"], stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False
        ).stdout.decode("utf-8", "replace")
    except (OSError, subprocess.SubprocessError):
        return []
    names = {name.strip() for line in listed.splitlines() for name in line.split(",")}
    # Of a collection of fonts, matplotlib may know the first one alone.
    if any(name.startswith("Noto Sans CJK") for name in names):
        names.discard("Noto Sans CJK SC")
        names.add("Noto Sans CJK JP")
    return [name for name in CJK if name in names][:3]


def prepare_figures(cache):
    """Settings of matplotlib in a private folder: CJK fonts behind the usual one, and the list of fonts if one is kept."""
    folder = os.path.join(os.path.expanduser("~"), ".matplotlib")
    try:
        os.makedirs(folder, exist_ok=True)
        if cache and os.path.isdir(cache):
            for name in os.listdir(cache):
                if name.startswith("fontlist"):
                    shutil.copy(os.path.join(cache, name), folder)
        families = ", ".join(["DejaVu Sans", *_families()])
        with open(os.path.join(folder, "matplotlibrc"), "w", encoding="utf-8") as file:
            file.write(f"font.family: {families}\naxes.unicode_minus: False\n")
        os.environ["MPLCONFIGDIR"] = folder
    except OSError as error:
        sys.stderr.write(f"matplotlib is not set up: {error}\n")


ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[@-Z\\-_]")


def plain(text):
    return ESCAPES.sub("", text)


def encoded(data):
    return base64.b64encode(data).decode("ascii")
