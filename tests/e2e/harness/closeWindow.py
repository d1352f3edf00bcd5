"""Asks a window to close, as the button in its frame does: WM_DELETE_WINDOW. There is no window manager on the
display of the tests that could. Argument: the number of the X window."""

import ctypes
import sys


class ClientMessage(ctypes.Structure):
    """XClientMessageEvent of Xlib."""

    _fields_ = [
        ("type", ctypes.c_int),
        ("serial", ctypes.c_ulong),
        ("send_event", ctypes.c_int),
        ("display", ctypes.c_void_p),
        ("window", ctypes.c_ulong),
        ("message_type", ctypes.c_ulong),
        ("format", ctypes.c_int),
        ("data", ctypes.c_long * 5),
        # XEvent, of which this is a member, is 24 longs.
        ("rest", ctypes.c_long * 24),
    ]


CLIENT_MESSAGE = 33
x11 = ctypes.CDLL("libX11.so.6")
x11.XOpenDisplay.restype = ctypes.c_void_p
x11.XInternAtom.restype = ctypes.c_ulong
x11.XInternAtom.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
x11.XSendEvent.argtypes = [ctypes.c_void_p, ctypes.c_ulong, ctypes.c_int, ctypes.c_long, ctypes.c_void_p]
x11.XCloseDisplay.argtypes = [ctypes.c_void_p]

display = x11.XOpenDisplay(None)
if not display:
    sys.exit("no display")
event = ClientMessage(
    type=CLIENT_MESSAGE,
    window=int(sys.argv[1]),
    message_type=x11.XInternAtom(display, b"WM_PROTOCOLS", 0),
    format=32,
)
event.data[0] = x11.XInternAtom(display, b"WM_DELETE_WINDOW", 0)
sent = x11.XSendEvent(display, event.window, 0, 0, ctypes.byref(event))
x11.XCloseDisplay(display)
sys.exit(0 if sent else "the window cannot be reached")
