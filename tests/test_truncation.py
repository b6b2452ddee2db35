"""``truncateLog``: whatever is let go of, everything but the beginning of printLog is as it was without."""

from __future__ import annotations

import random

import pytest

from bayou.families.store.commands import COMMANDS
from bayou.script.grammar import BadLine, parse, split
from tests.generator import scenario
from tests.processes import run_master
from tests.simulated import simulate
from tests.twin import Name, Skipped, Twin, TwinWrite

SEEDS = 60
SEEDS_OF_PROCESSES = 8
SHARE = 0.15


def strewn(seed: int, length: int = 50) -> list[str]:
    """Return a random scenario with lines of truncateLog strewn in; each server that there is in it may be
    named, and some that are none."""
    rng = random.Random(f"truncations {seed}")
    lines = scenario(seed, length)
    ids = [line.split()[1] for line in lines if line.startswith(("joinServer ", "joinClient "))] or ["0"]
    made = []
    for line in lines:
        if rng.random() < SHARE:
            csn = rng.choice(("", "", f" {rng.randint(0, 12)}", " 999", " x"))
            made.append(f"truncateLog {rng.choice(ids)}{csn}")
        made.append(line)
    return made


class TruncatingTwin(Twin):
    """A twin that knows how much each server has been told to let go of, and how much anybody has: a server
    that lacks what is gone elsewhere lets go of as much as that.

    ``dropped``: how many lines printLog may leave out at least and at most, of the server last printed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.omitted: dict[Name, int] = {}
        self.most = 0
        self.dropped = (0, 0)

    def _carry_out(self, command: str, fields: list[str]) -> list[str]:
        if command != "truncateLog":
            return super()._carry_out(command, fields)
        if not fields or (fields[1:] and not fields[1].isdigit()):
            raise Skipped
        server = self.servers[self._server(fields[0])]
        upto = min(len(server.committed), int(fields[1]) if fields[1:] else len(server.committed))
        self.omitted[server.name] = max(upto, self.omitted.get(server.name, 0))
        self.most = max(self.most, len(server.committed))
        return []

    def _printLog(self, id_text: str) -> list[str]:  # noqa: N802
        server = self.servers[self._server(id_text)]
        least = self.omitted.get(server.name, 0)
        self.dropped = (printed(server.committed[:least]), printed(server.committed[: max(least, self.most)]))
        return super()._printLog(id_text)


def printed(writes: list[TwinWrite]) -> int:
    """Return how many lines printLog has for these writes."""
    return sum(write.kind in ("PUT", "DELETE") for write in writes)


def compare(seed: int, lines: list[str], by_line: list[list[str]]) -> tuple[int, int]:
    """Compare what each line printed with the twin; return how many logs were printed from behind their
    beginning, and how many of these by servers that were not told to let go of that much."""
    twin = TruncatingTwin()
    short = by_base = 0
    for number, (line, got) in enumerate(zip(lines, by_line, strict=True), start=1):
        want = twin.line(line)
        where = f"seed {seed}, line {number}: {line!r}\n" + "\n".join(lines[:number])
        if line.split()[:1] == ["printLog"] and want:
            least, most = twin.dropped
            assert least <= len(want) - len(got) <= most, where
            short += len(got) < len(want)
            by_base += len(want) - len(got) > least
            want = want[len(want) - len(got) :]
        assert got == want, where
    return short, by_base


def test_random_scenarios_print_the_same_with_truncation() -> None:
    short = by_base = 0
    for seed in range(SEEDS):
        lines = strewn(seed)
        done = simulate("\n".join(lines).encode(), check=True)
        counts = compare(seed, lines, done.by_line)
        short, by_base = short + counts[0], by_base + counts[1]
    assert short > SEEDS, "hardly any log was let go of"
    assert by_base > SEEDS / 5, "hardly any base went from one server to another"


@pytest.mark.processes
def test_random_scenarios_in_processes_print_the_same_with_truncation() -> None:
    for seed in range(1000, 1000 + SEEDS_OF_PROCESSES):
        lines = strewn(seed)
        text = "\n".join(lines).encode()
        done = run_master(text)
        assert done.returncode == 0
        simulated = simulate(text)
        assert done.stdout == simulated.out, f"seed {seed}\n" + "\n".join(lines)
        compare(seed, lines, simulated.by_line)


def test_the_csn_is_a_field_that_may_be_missing() -> None:
    command = COMMANDS["truncateLog"]
    for line, fields, extra in (
        (b"truncateLog 4", ("4", ""), ()),
        (b"truncateLog 4 7", ("4", "7"), ()),
        (b"truncateLog 4 7 8", ("4", "7"), ("8",)),
    ):
        read = parse(line, split(line), command)
        assert (read.fields, read.extra) == (fields, extra)
    with pytest.raises(BadLine, match=r"the command is truncateLog id \[csn\]"):
        parse(b"truncateLog", [b"truncateLog".decode()], command)


@pytest.mark.parametrize("text", ["x", "-1", "+1", "1.0", "٣", "1234567890123456789", "0x10"])
def test_what_is_no_csn_is_a_line_that_is_off(text: str) -> None:
    lines = f"joinServer 0\njoinClient 1 0\nput 1 a b\ntruncateLog 0 {text}\nprintLog 0"
    done = simulate(lines.encode())
    assert done.out == b"PUT:(a, b):TRUE\n"
    assert len(done.errors) == 1
    assert "is no CSN" in done.errors[0]
    assert "skipped" in done.errors[0]
