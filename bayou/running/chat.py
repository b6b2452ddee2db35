"""``bayou chat run``: servers and clients of a chat, all at once."""

from __future__ import annotations

import argparse
import os
import sys

from bayou._statuses import EXIT_DEADLINE, EXIT_FAILED, EXIT_OUTPUT_CLOSED, EXIT_WRONG
from bayou.cluster.config import Config, ConfigError, read_config
from bayou.families.chat.commands import ChatSystem, open_system
from bayou.families.log.commands import CLIENTS_MAX, SERVERS_MAX
from bayou.families.log.fields import parse_slots
from bayou.families.log.settings import LogSettings, plain_of
from bayou.master.main import Ending
from bayou.running.arguments import TIMEOUT_S, add_common, add_rate, settings_for, whole
from bayou.running.driving import drive
from bayou.running.messages import ChatRun, Plan, Stuck
from bayou.running.stage import RunStage
from bayou.script.console import complain, write_all
from bayou.script.grammar import BadLine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from bayou.worlds.world import World

__all__ = ["EXIT_DEADLINE", "EXIT_FAILED", "EXIT_OUTPUT_CLOSED", "EXIT_WRONG", "main"]

FAULTY, CLIENTS, MESSAGES = 1, 10, 100
MESSAGES_MAX = 1_000_000
KILLS_MAX = 100_000

EPILOG = """\
The last line tells how many messages, slots and no-ops the log has, how often the leader has changed, and
whether the logs of all servers and the views of all clients are equal.

exit status: 0 when they are, and every message stands there once, in its client's order; 1 when not, with the
first difference, and on an error of the system under test; 2 on a wrong option; 3 when nothing has moved for
the time of --deadline; 141 when nobody reads the output any more; as usual for a signal.
"""


def main(arguments: Sequence[str] | None = None, prog: str = "bayou chat run") -> int:
    """Run a chat and return the exit status. A signal ends the process, once all is cleaned up."""
    ending = Ending()
    ending.heed_signals()
    given = _parser(prog).parse_args(arguments)
    config = None
    if given.config is not None:
        try:
            config = read_config(given.config)
        except ConfigError as error:
            for line in error.lines:
                complain(line)
            return EXIT_WRONG
    return drive(given, prog, ChatSystem.machines, ending, lambda world: _run(world, given, prog, config))


def _settings(given: argparse.Namespace, config: Config | None) -> LogSettings:
    """Return the times that the command line asks for, or else the configuration."""
    if config is None or given.timeout is not None:
        return settings_for(TIMEOUT_S if given.timeout is None else given.timeout)
    return LogSettings(config.heartbeat_s, config.election_s, config.timeout_s, window=config.window)


def _plan(given: argparse.Namespace, config: Config | None) -> Plan:
    """Return what is to happen; the command line goes before the configuration."""
    servers = 2 * FAULTY + 1 if config is None else len(config.servers)
    if given.faulty is not None:
        servers = 2 * given.faulty + 1
    loss = 0.0 if config is None else config.loss
    return Plan(
        (servers - 1) // 2,
        servers,
        given.clients,
        given.messages,
        loss if given.loss is None else given.loss,
        given.skip_slots,
        given.kill_leader,
        given.deadline,
    )


def _run(world: World, given: argparse.Namespace, prog: str, config: Config | None) -> int:
    options = {"chat": plain_of(_settings(given, config))}
    system = open_system(RunStage(world, verbose=given.verbose, options=options))
    plan = _plan(given, config)
    progress = Progress(plan)
    run = ChatRun(system, plan, progress.show)
    try:
        come = run.run()
    except Stuck as error:
        progress.end()
        complain(f"{prog}: {error}")
        return EXIT_DEADLINE
    finally:
        progress.end()
    figures = f"messages {come.messages}, slots {come.slots}, no-ops {come.no_ops}"
    verdict = "all logs equal" if come.difference is None else f"not all is equal: {come.difference}"
    system.stage.print([f"{figures}, view changes {run.view_changes}, {verdict}"])
    return 0 if come.difference is None else EXIT_FAILED


class Progress:
    """Tells on standard error how far a run has come, where that is a terminal."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._is_shown = os.isatty(2)
        self._line = ""

    def show(self, done: int, killed: int) -> None:
        """So many messages are delivered, and leaders killed."""
        if not self._is_shown:
            return
        line = f"{done} of {self._plan.messages} messages"
        if self._plan.kills:
            line += f", {killed} of {self._plan.kills} leaders killed"
        if line != self._line:
            write_all(2, f"\r{line}".encode())
            self._line = line

    def end(self) -> None:
        """Leave the line to what comes next."""
        if self._line:
            write_all(2, b"\r\x1b[K")
            self._line = ""


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Run servers and clients of a chat, let the clients send messages, and compare what all "
        "have in the end.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "-f",
        dest="faulty",
        type=whole(0, (SERVERS_MAX - 1) // 2),
        default=None,
        metavar="F",
        help=f"how many servers may be dead, of 2F + 1 (default: {FAULTY}, or as --config says)",
    )
    parser.add_argument(
        "--clients",
        type=whole(1, CLIENTS_MAX),
        default=CLIENTS,
        metavar="N",
        help=f"how many clients there are, 1 to {CLIENTS_MAX} (default: {CLIENTS})",
    )
    parser.add_argument(
        "--messages",
        type=whole(0, MESSAGES_MAX),
        default=MESSAGES,
        metavar="N",
        help=f"how many messages they send in all, in turn (default: {MESSAGES})",
    )
    add_rate(parser, "--loss", "between any two nodes is lost")
    parser.add_argument(
        "--skip-slots",
        type=_slots,
        default=(),
        metavar="LIST",
        help="slots that server 0 leaves empty as long as it leads, such as 1,2; where all messages wait "
        "behind one, a leader that is to be killed is killed, or else another one takes over",
    )
    parser.add_argument(
        "--config",
        default=None,
        metavar="FILE",
        help="take the number of servers, the loss and the time-outs from what bayou chat config has "
        "written; other options go before",
    )
    parser.add_argument(
        "--kill-leader",
        type=whole(0, KILLS_MAX),
        default=0,
        metavar="K",
        help="kill the leader K times, evenly spread over the messages (default: 0); where F servers are "
        "dead, the one that has been dead longest comes back before each",
    )
    add_common(parser)
    return parser


def _slots(text: str) -> tuple[int, ...]:
    try:
        return parse_slots(text)
    except BadLine as error:
        raise argparse.ArgumentTypeError(f"{error}: slots are written as in 1,2") from error


if __name__ == "__main__":
    sys.exit(main())
