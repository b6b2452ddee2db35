"""The commands that make scenarios out of others and let them judge themselves."""

from __future__ import annotations

from bayou.master.grammar import OPTIONAL, REST
from bayou.master.registry import command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.master.run import Run


@command(
    "include",
    ("FILE", REST),
    does="carries out the commands in a file, whose name is relative to the file that includes it, or to the "
    "working directory where commands come from standard input",
    until="all of its commands are done",
    example="include examples/three-servers.inc",
)
def include(run: Run, path: str) -> None:
    run.include(path)


@command(
    "expect",
    ("TEXT", OPTIONAL),
    does="compares the next line that the command before it printed with a text; where nothing (more) was "
    "printed, the text has to be empty. A difference is told on standard error, and makes the exit status 4",
    until="it is compared",
    example="expect song:http://example.org/song",
)
def expect(run: Run, text: str) -> None:
    run.expectations.meet(text)
