# The relay between the app and a Jupyter kernel. Both run behind the same walls; their sockets lie in the private
# temporary folder.
import queue
import signal
import tempfile
import time

import zmq
from jupyter_client import BlockingKernelClient
from jupyter_client.connect import write_connection_file

# Letters that are printed and not sent yet.
MOST_WAITING = 4 << 20
# How long a cell that printed too much is waited for, in seconds, before it is asked more firmly.
STOP_PATIENCE = 5.0
# After the reply, outputs of the cell may still be on their way.
LAST_OUTPUT = 3.0

# What a cell prints waits in the kernel's memory until it is sent: `write` waits for that every now and then, and takes
# no more of a cell than can be of use here.
START = f"""
import sys
import time
sys.path[:] = [path for path in sys.path if path]
# For the output of forks, which would need a network; to look for one by name ends the process here.
from ipykernel.iostream import IOPubThread, OutStream
IOPubThread._setup_pipe_in = lambda thread: setattr(thread, "_pipe_flag", False)
class Printed:
    by_cell, waiting = dict(), 0
def write_some(stream, text, write=OutStream.write, printed=Printed):
    if isinstance(text, str):
        cell = stream.parent_header.get("msg_id")
        size = printed.by_cell.get(cell, 0)
        if size > {MOST_OUTPUT + MOST_DROPPED + MOST_WAITING}:
            # A loop that goes on would leave those no time that free what was sent.
            time.sleep(0.01)
            return len(text)
        printed.by_cell[cell] = size + len(text)
        printed.waiting += len(text)
    written = write(stream, text)
    if printed.waiting > {MOST_WAITING}:
        printed.waiting = 0
        stream.flush()
    return written
OutStream.write = write_some
from ipykernel.kernelapp import launch_new_instance
launch_new_instance()
"""


class Relay:
    def __init__(self):
        folder = tempfile.mkdtemp(prefix="kernel-")
        file, _ = write_connection_file(os.path.join(folder, "connection.json"), transport="ipc", ip=os.path.join(folder, "socket"))
        settings = [
            "--HistoryManager.enabled=False", "--InteractiveShell.colors=NoColor", "--InteractiveShell.banner1=",
        ]
        # Files 1 and 2 of this process lead to the app, where user code has nothing to say. What the kernel says besides
        # its messages is of interest only if it does not start.
        self.said = tempfile.TemporaryFile()
        self.kernel = subprocess.Popen(
            [sys.executable, "-c", START, "-f", file, *settings], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=self.said, start_new_session=True
        )
        self.client = BlockingKernelClient(connection_file=file)
        self.client.load_connection_file()
        self.client.start_channels(hb=False, stdin=False)
        self.asked = 0

    def wait_until_ready(self):
        deadline = time.monotonic() + 60
        self.client.kernel_info()
        while True:
            if self.kernel.poll() is not None or time.monotonic() > deadline:
                return None
            try:
                reply = self.client.get_shell_msg(timeout=0.2)
            except queue.Empty:
                continue
            if reply["msg_type"] == "kernel_info_reply":
                break
        # What the kernel says at its start is of no interest.
        self.drain(0.05)
        return reply["content"]

    def last_said(self):
        size = self.said.seek(0, os.SEEK_END)
        self.said.seek(max(0, size - 2048))
        return self.said.read().decode("utf-8", "replace")

    def drain(self, seconds):
        end = time.monotonic() + seconds
        while True:
            try:
                self.client.get_iopub_msg(timeout=max(0, end - time.monotonic()))
            except queue.Empty:
                return

    def interrupt(self):
        self.asked += 1
        if self.asked == 1:
            self.client.control_channel.send(self.client.session.msg("interrupt_request", {}))
        else:
            try:
                os.killpg(self.kernel.pid, signal.SIGINT)
            except OSError:
                pass

    def run(self, code, lines):
        self.asked = 0
        self.budget = Budget()
        # Output of threads that outlive their cell is nobody's.
        self.drain(0)
        cell = self.client.execute(code, allow_stdin=False, stop_on_error=True)
        iopub, shell = self.client.iopub_channel.socket, self.client.shell_channel.socket
        poller = zmq.Poller()
        for socket in (iopub, shell, lines.bell):
            poller.register(socket, zmq.POLLIN)
        reply, idle, deadline = None, False, None
        stops, patience = 0, 0
        while reply is None or not (idle or time.monotonic() > deadline):
            poller.poll(100)
            for line in lines.take():
                if line is None:
                    return False
                if line.get("op") == "interrupt":
                    self.interrupt()
            for _ in range(200):
                try:
                    message = self.client.get_iopub_msg(timeout=0)
                except queue.Empty:
                    break
                idle = self.outcome(message, cell) or idle
            if reply is None and self.budget.dropped > MOST_DROPPED and time.monotonic() > patience:
                stops, patience = stops + 1, time.monotonic() + STOP_PATIENCE
                self.stop_flood(stops)
            if reply is None:
                try:
                    message = self.client.get_shell_msg(timeout=0)
                except queue.Empty:
                    pass
                else:
                    if message["parent_header"].get("msg_id") == cell and message["msg_type"] == "execute_reply":
                        reply, deadline = message["content"], time.monotonic() + LAST_OUTPUT
            if reply is None and self.kernel.poll() is not None:
                self.last_words(cell)
                return False
        for payload in reply.get("payload") or ():
            if payload.get("source") == "page":
                self.budget.stream(plain(str((payload.get("data") or {}).get("text/plain", ""))) + "\n")
            elif payload.get("source") == "ask_exit":
                # It would go on for some cells more.
                self.kernel.terminate()
                self.kernel.wait()
                tell(type="ended", code=0)
                return False
        tell(type="done", ok=reply.get("status") == "ok", dropped=self.budget.dropped)
        return True

    def stop_flood(self, times):
        if times == 1:
            tell(type="error", name="", text="[stopped: the cell printed too much]")
        if times < 3:
            self.interrupt()
        else:
            self.kernel.kill()

    def last_words(self, cell):
        while True:
            try:
                self.outcome(self.client.get_iopub_msg(timeout=0.1), cell)
            except queue.Empty:
                break
        tell(type="ended", code=self.kernel.returncode)

    def outcome(self, message, cell):
        """Passes on what the cell gave; whether the kernel says that the cell is over."""
        if message["parent_header"].get("msg_id") != cell:
            return False
        kind, content = message["msg_type"], message["content"]
        if kind == "status":
            return content["execution_state"] == "idle"
        if kind == "stream":
            self.budget.stream(content["text"])
        elif kind in ("display_data", "execute_result", "update_display_data"):
            self.budget.display(content["data"])
        elif kind == "error":
            text = plain("\n".join(content["traceback"])) or f"{content['ename']}: {content['evalue']}"
            tell(type="error", name=content["ename"], text=text[:MOST_TEXT])
        return False


class Lines:
    """The requests, read in a thread; `bell` becomes readable when there are some."""

    def __init__(self):
        self.waiting = queue.Queue()
        self.bell, self.ring = os.pipe()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in requests:
            try:
                self.waiting.put(json.loads(line))
            except ValueError:
                continue
            os.write(self.ring, b"!")
        self.waiting.put(None)
        os.write(self.ring, b"!")

    def next(self):
        os.read(self.bell, 1)
        return self.waiting.get()

    def take(self):
        found = []
        while not self.waiting.empty():
            os.read(self.bell, 1)
            found.append(self.waiting.get())
        return found


def main():
    prepare_figures(sys.argv[1] if len(sys.argv) > 1 else None)
    relay = Relay()
    about = relay.wait_until_ready()
    if about is None:
        sys.stderr.write(relay.last_said())
        sys.stderr.flush()
        tell(type="failed", text=f"the Jupyter kernel did not start (exit code {relay.kernel.poll()})")
        return
    version = about.get("language_info", {}).get("version", "")
    tell(type="ready", kernel="jupyter", version=about.get("implementation_version", ""), python=version)
    lines = Lines()
    poller = zmq.Poller()
    poller.register(lines.bell, zmq.POLLIN)
    while True:
        if not poller.poll(1000):
            if relay.kernel.poll() is not None:
                tell(type="ended", code=relay.kernel.returncode)
                return
            continue
        line = lines.next()
        if line is None:
            return
        if line.get("op") == "run" and not relay.run(line.get("code", ""), lines):
            return


main()
