"""A look at a pickle before it is unpickled: nothing but the few opcodes that our own pickles use.

The unpickler restricts which classes a pickle can name. That leaves what a hostile pickle can do with
plain data: fill the memo at index four billion, reserve a byte array of that size, nest until the stack
ends. Ours hold numbers, strings, bytes and tuples only, a few dozen opcodes however many writes they
carry (bayou.wire.columns), so looking at each is cheap.
"""

from __future__ import annotations

from bayou.wire.errors import WireError

OPCODES_MAX = 200_000
TUPLES_MAX = 128
"""More than any message of ours has, and no nesting to be afraid of."""

# Opcode -> how many bytes of argument follow.
_FIXED = {
    b"\x80": 1,  # PROTO
    b"\x95": 8,  # FRAME
    b"(": 0,  # MARK
    b"N": 0,  # NONE
    b"\x88": 0,  # NEWTRUE
    b"\x89": 0,  # NEWFALSE
    b"J": 4,  # BININT
    b"K": 1,  # BININT1
    b"M": 2,  # BININT2
    b"G": 8,  # BINFLOAT
    b")": 0,  # EMPTY_TUPLE
    b"t": 0,  # TUPLE
    b"\x85": 0,  # TUPLE1
    b"\x86": 0,  # TUPLE2
    b"\x87": 0,  # TUPLE3
    b"\x93": 0,  # STACK_GLOBAL
    b"R": 0,  # REDUCE
}
# Opcode -> how many bytes hold the length of the argument that follows them.
_COUNTED = {
    b"\x8a": 1,  # LONG1
    b"\x8c": 1,  # SHORT_BINUNICODE
    b"X": 4,  # BINUNICODE
    b"\x8d": 8,  # BINUNICODE8
    b"C": 1,  # SHORT_BINBYTES
    b"B": 4,  # BINBYTES
    b"\x8e": 8,  # BINBYTES8
}
_STOP = ord(".")
_TUPLES = frozenset(b"t\x85\x86\x87")
# By opcode: how far on the next one is, or minus the width of the length to read; None for a forbidden one.
_NEXT: list[int | None] = [None] * 256
for _code, _size in _FIXED.items():
    _NEXT[_code[0]] = 1 + _size
for _code, _width in _COUNTED.items():
    _NEXT[_code[0]] = -_width


def scan(pickle: bytes) -> None:
    """Raise WireError unless this is one whole pickle made of the opcodes above."""
    at, end, steps, tuples = 0, len(pickle), _NEXT, 0
    try:
        for _ in range(OPCODES_MAX):
            code = pickle[at]
            step = steps[code]
            if step is None:
                break
            if step > 0:
                at += step
                if code in _TUPLES:
                    tuples += 1
            elif step == -1:
                at += 2 + pickle[at + 1]
            else:
                at += 1 - step + int.from_bytes(pickle[at + 1 : at + 1 - step], "little")
        else:
            raise WireError(f"the pickle has more than {OPCODES_MAX} opcodes")
    except IndexError:
        raise WireError("the pickle is cut short") from None
    if tuples > TUPLES_MAX:
        raise WireError(f"the pickle has {tuples} tuples, and {TUPLES_MAX} are the limit")
    if code != _STOP:
        raise WireError(f"the pickle has the opcode {bytes([code])!r}, which no message needs")
    if at + 1 != end:
        raise WireError(f"{end - at - 1} bytes behind the end of the pickle")
