"""The prompt: what the master is to a person at a terminal.

Line editing, completion and a history that is kept between runs come from readline, where Python has it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from bayou._lean import signal
from bayou.core.errors import BayouError
from bayou.families.prompting import take_stock, tell_what_came_late
from bayou.master.helping import Quit, commands_at_prompt
from bayou.master.run import StrictStop
from bayou.script.console import write_all
from bayou.worlds.world import GivenUp, NodeLost

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from bayou.master.run import Run

PROMPT = "bayou> "
WELCOME = "help lists the commands. Ctrl-C gives one up, Ctrl-D or quit ends the run.\n"
HISTORY_LINES_MAX = 1000


def history_file() -> Path:
    """Return where the history is kept: in the user's state directory."""
    state = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    return Path(state) / "bayou" / "history"


class Prompt:
    """Reads commands from a person and carries them out in a run. An error does not end it."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._is_reading = False
        self._keeps_history = False

    def converse(self) -> None:
        """Go on until the end of input, ``quit``, or until Ctrl-C is pressed twice in a row.

        Raises what ends a run: StrictStop, OutputClosed, and NodeLost where no node can live on.
        """
        signal.signal(signal.SIGINT, self._on_interrupt)
        self._set_up_readline()
        write_all(1, WELCOME.encode())
        try:
            for number, line in self._lines():
                self.carry_out(number, line)
        except Quit:
            pass

    def carry_out(self, number: int, line: str) -> None:
        """Carry out one line. Raises as ``converse`` does, and Quit."""
        run = self._run
        try:
            self._catch_up()
            run.line(number, line.encode(sys.stdin.encoding or "utf-8", "surrogateescape"))
            run.look_round()
            self._tell_what_came_late()
        except StrictStop:
            raise
        except NodeLost as error:
            self._see_lost(f"{run.place}: ", error)
        except GivenUp:
            from bayou.master.recording import given_up

            run.tell_news(f"{run.place}: given up; the system goes on")
            run.record(given_up(run.world, number))
            self._doubt()
        except BayouError as error:
            run.tell_news(f"{run.place}: {error}")
            self._doubt()

    def _catch_up(self) -> None:
        """Take notice of what has happened since the last command."""
        run = self._run
        while True:
            try:
                run.world.catch_up()
                run.look_round()
                if run.family is not None and run.system is not None and run.system.is_in_doubt:
                    take_stock(run.family, run.system)
                self._tell_what_came_late()
                return
            except NodeLost as error:
                self._see_lost("", error)

    def _tell_what_came_late(self) -> None:
        if self._run.family is not None and self._run.system is not None:
            tell_what_came_late(self._run.family, self._run.system)

    def _see_lost(self, place: str, error: NodeLost) -> None:
        if error.node is None:
            raise error
        self._run.tell_news(f"{place}{error}")
        if self._run.system is not None:
            self._run.system.lose(error.node)

    def _doubt(self) -> None:
        if self._run.system is not None:
            self._run.system.doubt()

    def _lines(self) -> Iterator[tuple[int, str]]:
        number, interruptions = 0, 0
        while interruptions < 2:
            self._run.world.forget_interrupt()
            try:
                line = self._read()
            except EOFError:
                write_all(1, b"\n")
                return
            except KeyboardInterrupt:
                interruptions += 1
                write_all(1, b"\n" if interruptions > 1 else b"\n(Ctrl-C again, or Ctrl-D, ends the run)\n")
                continue
            self._keep_history()
            interruptions = 0
            number += 1
            yield number, line

    def _read(self) -> str:
        """Return the next line; EOFError at the end, KeyboardInterrupt for Ctrl-C.

        Wherever in here a signal comes, at most one KeyboardInterrupt leaves, and none comes after it: the
        handler raises one for each reading.
        """
        try:
            self._is_reading = True
            return input(PROMPT)
        finally:
            self._is_reading = False

    def _on_interrupt(self, number: int, frame: object) -> None:
        if self._is_reading:
            self._is_reading = False
            raise KeyboardInterrupt
        self._run.world.interrupt()

    # Editing, completion, history.

    def _set_up_readline(self) -> None:
        try:
            import readline
        except ImportError:  # then lines are read without
            return
        try:
            readline.read_history_file(history_file())
        except OSError:
            pass  # there is none yet
        readline.set_history_length(HISTORY_LINES_MAX)
        readline.set_completer(self._complete)
        readline.set_completer_delims(" \t")
        readline.parse_and_bind("tab: complete")
        self._keeps_history = True

    def _keep_history(self) -> None:
        """Write the history now: who knows how the run ends."""
        if not self._keeps_history:
            return
        import readline

        path = history_file()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            readline.write_history_file(path)
        except OSError:
            pass  # a history is not worth an error

    def _complete(self, text: str, state: int) -> str | None:
        import readline

        before = readline.get_line_buffer()[: readline.get_begidx()].split()
        found = [f"{word} " for word in self.candidates(before) if word.startswith(text)]
        return found[state] if state < len(found) else None

    def candidates(self, before: list[str]) -> list[str]:
        """Return what may come next after these words: a command, or an id that is alive and fits."""
        commands = commands_at_prompt(self._run)
        if not before:
            return list(commands)
        command = commands.get(before[0])
        if command is None or len(before) > len(command.fields):
            return []
        if command.name == "help":
            return list(commands)
        if command.name == "include":
            return sorted(os.listdir("."))
        if self._run.system is None:
            return []
        return command.fields[len(before) - 1].kind.offers(self._run.system)
