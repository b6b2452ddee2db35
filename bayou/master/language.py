"""The commands that belong to all families: those that make scenarios out of others, let them judge
themselves, and let time pass."""

from __future__ import annotations

from bayou.script.grammar import OPTIONAL, REST, TEXT, parse_number
from bayou.script.registry import Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.master.run import Run

LANGUAGE = "language"
MILLISECONDS_MAX = 3_600_000.0

COMMANDS = Registry()


@COMMANDS.command(
    "include",
    ("FILE", REST),
    does="carries out the commands in a file, whose name is relative to the file that includes it, or to the "
    "working directory where commands come from standard input",
    until="all of its commands are done",
    example="include examples/three-servers.inc",
    group=LANGUAGE,
)
def include(run: Run, path: str) -> None:
    run.include(path)


@COMMANDS.command(
    "expect",
    ("TEXT", OPTIONAL),
    does="compares the next line that the command before it printed with a text; where nothing (more) was "
    "printed, the text has to be empty. A difference is told on standard error, and makes the exit status 4",
    until="it is compared",
    example="expect song:http://example.org/song",
    group=LANGUAGE,
)
def expect(run: Run, text: str) -> None:
    run.expectations.meet(text)


@COMMANDS.command(
    "wait",
    ("ms", TEXT),
    does="lets so many milliseconds pass (virtual ones in the simulated world)",
    until="they have passed",
    example="wait 10",
    group=LANGUAGE,
)
def wait(run: Run, ms: str) -> None:
    run.world.pass_quietly(parse_number(ms, MILLISECONDS_MAX) / 1000)
