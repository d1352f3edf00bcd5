"""Stands in for parts of a desktop on the message bus: notifications (org.freedesktop.Notifications) and a file manager
(org.freedesktop.FileManager1). Writes one JSON array a line: the method, then what it was called with. The first line
is ["ready"]. Ends when its standard input does."""

import json

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

INTERFACES = """
<node>
  <interface name="org.freedesktop.Notifications">
    <method name="Notify">
      <arg type="s" direction="in"/><arg type="u" direction="in"/><arg type="s" direction="in"/>
      <arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="as" direction="in"/>
      <arg type="a{sv}" direction="in"/><arg type="i" direction="in"/><arg type="u" direction="out"/>
    </method>
    <method name="CloseNotification"><arg type="u" direction="in"/></method>
    <method name="GetCapabilities"><arg type="as" direction="out"/></method>
    <method name="GetServerInformation">
      <arg type="s" direction="out"/><arg type="s" direction="out"/>
      <arg type="s" direction="out"/><arg type="s" direction="out"/>
    </method>
  </interface>
  <interface name="org.freedesktop.FileManager1">
    <method name="ShowItems"><arg type="as" direction="in"/><arg type="s" direction="in"/></method>
  </interface>
</node>
"""
PLACES = {
    "org.freedesktop.Notifications": "/org/freedesktop/Notifications",
    "org.freedesktop.FileManager1": "/org/freedesktop/FileManager1",
}
ANSWERS = {
    "GetCapabilities": ("(as)", (["body"],)),
    "GetServerInformation": ("(ssss)", ("stand-in", "okcvm", "1", "1.2")),
}
shown = 0


def tell(*words):
    print(json.dumps(words), flush=True)


def called(_connection, _sender, _path, _interface, method, parameters, invocation):
    global shown
    if method in ANSWERS:
        invocation.return_value(GLib.Variant(*ANSWERS[method]))
        return
    tell(method, *parameters.unpack())
    if method == "Notify":
        shown += 1
        invocation.return_value(GLib.Variant("(u)", (shown,)))
    else:
        invocation.return_value(None)


loop = GLib.MainLoop()
bus = Gio.bus_get_sync(Gio.BusType.SESSION)
node = Gio.DBusNodeInfo.new_for_xml(INTERFACES)
owned = set()


def acquired(_connection, name):
    owned.add(name)
    if len(owned) == len(PLACES):
        tell("ready")


for name, path in PLACES.items():
    bus.register_object(path, node.lookup_interface(name), called, None, None)
    Gio.bus_own_name_on_connection(bus, name, Gio.BusNameOwnerFlags.NONE, acquired, None)
GLib.io_add_watch(0, GLib.PRIORITY_DEFAULT, GLib.IOCondition.HUP, lambda *_: loop.quit())
loop.run()
