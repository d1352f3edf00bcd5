"""Makes a film by GStreamer, which is there wherever WebKitGTK is: makeFilm.py webm|ogv SECONDS FILE

The picture is a test card with a ball that moves; 160 × 90 pixels, 30 frames a second.
"""

import ctypes
import sys

PLAYING = 4
END = 1
LIMIT_NS = 30 * 10**9
CODERS = {"webm": "vp8enc deadline=1 ! webmmux", "ogv": "theoraenc ! oggmux"}

ending, seconds, path = sys.argv[1:]
gst = ctypes.CDLL("libgstreamer-1.0.so.0")
gst.gst_parse_launch.restype = ctypes.c_void_p
gst.gst_element_get_bus.restype = ctypes.c_void_p
gst.gst_element_get_bus.argtypes = [ctypes.c_void_p]
gst.gst_element_set_state.argtypes = [ctypes.c_void_p, ctypes.c_int]
gst.gst_bus_timed_pop_filtered.restype = ctypes.c_void_p
gst.gst_bus_timed_pop_filtered.argtypes = [ctypes.c_void_p, ctypes.c_uint64, ctypes.c_int]
gst.gst_init(None, None)
line = (
    f"videotestsrc num-buffers={int(float(seconds) * 30)} pattern=smpte ! "
    f"video/x-raw,width=160,height=90,framerate=30/1 ! {CODERS[ending]} ! filesink location={path}"
)
pipeline = gst.gst_parse_launch(line.encode(), None)
if not pipeline:
    sys.exit(f"GStreamer has no elements for: {line}")
gst.gst_element_set_state(pipeline, PLAYING)
message = gst.gst_bus_timed_pop_filtered(gst.gst_element_get_bus(pipeline), LIMIT_NS, END)
gst.gst_element_set_state(pipeline, 1)
if not message:
    sys.exit(f"no film after thirty seconds: {line}")
