"""Live servers under attack: a short campaign. ``python -m tests.attack`` is the long one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from bayou.wire.codec import decode, encode
from bayou.wire.errors import WireError
from tests.assaults import KINDS, assault
from tests.attack import PAYLOADS, Attack

CORPUS = Path(__file__).parent.parent / "fuzz" / "corpus"


@pytest.fixture
def quiet_stderr() -> Iterator[None]:
    """The servers complain a lot, and nobody wants to read it."""
    kept = os.dup(2)
    with open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), 2)
    yield
    os.dup2(kept, 2)
    os.close(kept)


@pytest.mark.processes
@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")
def test_a_short_campaign(quiet_stderr: None) -> None:
    attack = Attack(seed=7)
    try:
        figures = attack.send(2_000)
    finally:
        attack.close()
    assert figures.failed == 0
    assert figures.requests >= 40
    assert all(figures.frames[make.__name__.replace("_", " ")] > 100 for make in PAYLOADS)
    assert figures.refused > 1000, "most of what was sent is no message"
    assert figures.memory_max_kb < figures.memory_first_kb + 80_000
    assert figures.descriptors_max < 100


@pytest.mark.processes
@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc")
@pytest.mark.parametrize("kind", list(KINDS))
def test_a_short_assault(kind: str) -> None:
    """Clients are served as if nothing were going on, and a server needs little more memory, for a while.

    Standard error is full and unread throughout. (That requests take less than a second is measured on a
    machine that does nothing else, by the long campaign.)
    """
    # In a process of its own: this one may have more descriptors open than some kind leaves to all.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        outcome = pool.submit(assault, kind, 1.0).result()
    assert outcome.failed == 0, outcome.line()
    assert outcome.attacks > 5, outcome.line()
    assert outcome.slowest_s < 3.0, outcome.line()
    assert outcome.memory_most_kb - outcome.memory_before_kb < 200_000, outcome.line()
    assert outcome.memory_after_kb - outcome.memory_before_kb < 40_000, outcome.line()


def test_what_the_fuzzer_found_worth_keeping() -> None:
    """Its corpus, replayed: a message that comes out whole, or a WireError."""
    saved = sorted(CORPUS.iterdir())
    assert len(saved) > 20
    messages = 0
    for path in saved:
        try:
            message = decode(path.read_bytes())
        except WireError:
            continue
        messages += 1
        assert decode(encode(message)) == message, path.name
    assert messages > 10
