"""Looks for bytes that make the decoder do anything but return a message or raise WireError.

    .venv/bin/python -m pip install --editable '.[fuzz]'
    .venv/bin/python -m fuzz.decode fuzz/corpus -max_total_time=60

What it finds that reaches new code is added to the corpus, which tests/test_wire_attack.py replays. Further
arguments are libFuzzer's (``-help=1`` lists them).
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["bayou"]):
    from bayou.wire.codec import decode, encode
    from bayou.wire.errors import WireError


def look_at(data: bytes) -> None:
    """Decode some bytes; an exception that gets out of here is a find."""
    try:
        message = decode(data)
    except WireError:
        return
    again = decode(encode(message))
    if again != message:
        raise AssertionError(f"{message!r} came back as {again!r}")


def main() -> None:
    atheris.Setup(sys.argv, look_at)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
