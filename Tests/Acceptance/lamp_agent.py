"""A lamp of linphone's library: subscribes to the dialogs of an extension, and prints each document.

None of its programs has a lamp, and liblinphone has one for those that are made with it: it registers,
proves its password, subscribes, answers NOTIFY and refreshes. Started as a process of its own:

    lamp_agent.py CONFIG WATCHED     CONFIG is a linphonerc, WATCHED a SIP address
"""

import ctypes
import ctypes.util
import sys
import time

_POINTER, _TEXT = ctypes.c_void_p, ctypes.c_char_p


def function(library, name, result, *arguments):
    found = getattr(library, f"linphone_{name}")
    found.restype, found.argtypes = result, arguments
    return found


def main(config, watched):
    library = ctypes.CDLL(ctypes.util.find_library("linphone"))
    factory = function(library, "factory_get", _POINTER)()
    content = function(library, "content_get_utf8_text", _TEXT, _POINTER)

    @ctypes.CFUNCTYPE(None, _POINTER, _POINTER, _TEXT, _POINTER)
    def notified(core, event, package, body):
        print(content(body).decode() if body else "", flush=True)

    callbacks = function(library, "factory_create_core_cbs", _POINTER, _POINTER)(factory)
    function(library, "core_cbs_set_notify_received", None, _POINTER, type(notified))(
        callbacks, notified)
    core = function(
        library, "factory_create_core_3", _POINTER, _POINTER, _TEXT, _TEXT, _POINTER)(
            factory, config.encode(), None, None)
    function(library, "core_add_callbacks", None, _POINTER, _POINTER)(core, callbacks)
    function(library, "core_start", ctypes.c_int, _POINTER)(core)
    address = function(library, "factory_create_address", _POINTER, _POINTER, _TEXT)(
        factory, watched.encode())
    function(
        library, "core_subscribe", _POINTER, _POINTER, _POINTER, _TEXT, ctypes.c_int, _POINTER)(
            core, address, b"dialog", 300, None)
    iterate = function(library, "core_iterate", None, _POINTER)
    while True:
        iterate(core)
        time.sleep(0.02)


if __name__ == "__main__":
    main(*sys.argv[1:])
