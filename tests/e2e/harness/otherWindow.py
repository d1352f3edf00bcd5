"""A window of another program, which has the keyboard until its standard input ends. Prints `ready` when it is shown."""

import gi

gi.require_version("Gtk", "3.0")
from gi.repository import GLib, Gtk  # noqa: E402

window = Gtk.Window(title="another program")
window.set_default_size(300, 120)
window.add(Gtk.Entry())
window.connect("map-event", lambda *_: print("ready", flush=True))
window.show_all()
GLib.io_add_watch(0, GLib.PRIORITY_DEFAULT, GLib.IOCondition.HUP, lambda *_: Gtk.main_quit())
Gtk.main()
