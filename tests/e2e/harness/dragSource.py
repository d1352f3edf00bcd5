"""A window that offers files to drag, as a file manager does. Prints `ready` when it can be grabbed and `done`
when the drop is over. Arguments: x, y, then the files. Ends after a minute at the latest."""

import pathlib
import sys

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("Gdk", "3.0")
from gi.repository import Gdk, GLib, Gtk  # noqa: E402

LEFT, TOP = int(sys.argv[1]), int(sys.argv[2])
URIS = [pathlib.Path(name).resolve().as_uri() for name in sys.argv[3:]]


def tell(word):
    print(word, flush=True)


window = Gtk.Window(type=Gtk.WindowType.POPUP)
window.set_default_size(40, 40)
window.move(LEFT, TOP)
grip = Gtk.EventBox()
grip.add(Gtk.Label(label="drag"))
window.add(grip)
grip.drag_source_set(Gdk.ModifierType.BUTTON1_MASK, [], Gdk.DragAction.COPY)
grip.drag_source_add_uri_targets()
grip.connect("drag-data-get", lambda _widget, _context, data, _info, _time: data.set_uris(URIS))
grip.connect("drag-failed", lambda _widget, _context, _result: tell("refused") or True)


def ended(_widget, _context):
    tell("done")
    GLib.timeout_add(200, Gtk.main_quit)


grip.connect("drag-end", ended)
window.connect("map-event", lambda _widget, _event: GLib.timeout_add(200, tell, "ready") and False)
window.show_all()
GLib.timeout_add_seconds(60, Gtk.main_quit)
Gtk.main()
