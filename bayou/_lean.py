"""The C halves of a few standard modules, for code on the path from a command line to its first answer.

``socket``, ``signal``, ``pickle`` and ``struct`` add Python layers (enums, regular expressions,
selectors) whose import costs more than all else that a short scenario does; what is used here lies in
their C halves (docs/decisions/0002-start-time.md). Where those are missing, the public modules serve.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    import socket
    from functools import partial
    from hashlib import blake2s
    from hmac import compare_digest
    from pickle import Pickler, Unpickler
    from struct import calcsize, pack, unpack
    from typing import Any
else:
    try:
        import _signal as signal
        import _socket as socket
        from _blake2 import blake2s
        from _functools import partial
        from _operator import _compare_digest as compare_digest

        # All that _pickle takes from functools is ``partial``, which is in the C half of that too.
        _borrowed = sys.modules.setdefault("functools", sys.modules["_functools"])
        try:
            from _pickle import Pickler, Unpickler
        finally:
            if _borrowed is sys.modules["_functools"]:
                del sys.modules["functools"]
        from _struct import calcsize, pack, unpack
    except ImportError:
        import signal
        import socket
        from functools import partial
        from hashlib import blake2s
        from hmac import compare_digest
        from pickle import Pickler, Unpickler
        from struct import calcsize, pack, unpack

__all__ = [
    "Pickler", "Unpickler", "accept", "blake2s", "calcsize", "compare_digest", "pack", "partial",
    "quiet_interrupts", "signal", "socket", "unpack",
]  # fmt: skip


def import_module(name: str) -> Any:
    """Import a module by its name and return it, as importlib does, whose own import takes longer than
    that of a dozen of ours."""
    __import__(name)
    return sys.modules[name]


def accept(listener: socket.socket) -> socket.socket:
    """Accept one connection; OSError where none is waiting."""
    fd, _ = listener._accept()  # type: ignore[attr-defined]  # what socket.socket.accept calls itself
    return socket.socket(listener.family, listener.type, fileno=fd)


def quiet_interrupts() -> None:
    """Let Ctrl-C end this process without a traceback, as long as nobody has said what else it should do."""
    if signal.getsignal(signal.SIGINT) == signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
