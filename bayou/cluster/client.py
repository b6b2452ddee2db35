"""``bayou chat client``: somebody who takes part in a chat, from a terminal or a pipe."""

from __future__ import annotations

import argparse
import os
import random
from time import monotonic

from bayou._quoting import printable
from bayou._statuses import EXIT_FAILED, EXIT_OUTPUT_CLOSED
from bayou.cluster.config import ConfigError, read_config, read_secret
from bayou.cluster.ending import Ending
from bayou.cluster.joining import Hosts, loser
from bayou.cluster.typed import Typed
from bayou.core.errors import BayouError
from bayou.families.chat.machines import keeping, line_of
from bayou.families.chat.service import delivered_in
from bayou.families.log.client import ClientEffects, LogClient, Taken
from bayou.families.log.messages import BeClient, Say
from bayou.host.site import Site
from bayou.net.complaints import Complaints
from bayou.script.console import OutputClosed, complain, to_bytes, write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from bayou.cluster.config import Config
    from bayou.machine.effects import Effects
    from bayou.paxos.log.messages import Command

ID_BITS = 64
PATIENCE_S = 5.0
"""After how long without any progress a person is told what is being waited for."""

STRANGE = "before the handshake was over"
TEXT_CHARACTERS_MAX = 64 << 10


def client(arguments: Sequence[str], prog: str = "bayou chat client") -> int:
    """Take part until the input ends and all that was typed is delivered, or a signal comes. Status 0, or 128
    and the number of the signal; 1 where the servers refuse us, 2 for a wrong option or configuration."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Take part in a chat: each line that is typed is a message; standard output has the view "
        "as it grows, a line for each message, with its slot, its sender and its text. At the end of the "
        "input (Ctrl-D at a terminal) it ends once all that was typed is delivered.",
        epilog="exit status: 0 when all is delivered, 130 after Ctrl-C, 143 after SIGTERM, 1 where no server "
        "lets us in, 2 on a wrong option or configuration, 141 when nobody reads the output any more.",
    )
    parser.add_argument("--config", required=True, metavar="FILE", help="the cluster: see bayou chat config")
    parser.add_argument(
        "--auto",
        type=_count,
        metavar="N",
        help="send N messages that are made up, one after another; 0: until Ctrl-C",
    )
    options = parser.parse_args(arguments)
    try:
        config, secret = read_config(options.config), read_secret(options.config)
    except ConfigError as error:
        parser.exit(2, f"{error}\n")
    try:
        return _Conversation(config, secret, options.config, options.auto).run()
    except OutputClosed:
        return EXIT_OUTPUT_CLOSED
    except (BayouError, OSError) as error:
        complain(f"{prog}: {error}")
        return EXIT_FAILED


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 on")
    return int(text)


class Screen:
    """The view of a chat, of which nothing is kept: what is new waits in ``lines`` until it is shown."""

    def __init__(self) -> None:
        self.new: list[str] = []

    def take(self, slot: int, command: Command) -> Taken:
        """A message is delivered."""
        self.new.append(line_of(slot, command.client, command.text))
        return Taken()

    def load(self, state: str, first: int) -> None:
        """Many messages are delivered at once; those in slots below ``first`` have been shown."""
        self.new += [line_of(*each) for each in delivered_in(state) if each[0] >= first]

    def lines(self) -> list[str]:
        """Return what is new."""
        return self.new

    def show(self, *, for_eyes: bool) -> None:
        """Write what is new to standard output. A terminal gets no control characters, which texts of others
        may have; anything else gets the texts as they are."""
        if not self.new:
            return
        lines, self.new = self.new, []
        if for_eyes:
            lines = [printable(line, TEXT_CHARACTERS_MAX) for line in lines]
            write_all(1, "".join(f"{line}\n" for line in lines).encode("utf-8", "replace"))
        else:
            write_all(1, b"".join([to_bytes(line) + b"\n" for line in lines]))


class _Conversation:
    """One client, from its first connection to its end."""

    def __init__(self, config: Config, secret: bytes, path: str, auto: int | None) -> None:
        self._config = config
        self._path = path
        self._auto = auto
        self._ending = Ending()
        self._screen = Screen()
        keeping()
        id = 0
        while id < 1 << 10:  # small numbers are the servers'
            id = random.SystemRandom().getrandbits(ID_BITS)
        what = BeClient(id, True, config.timeout_s)
        self._machine = LogClient(id, what, self._screen, self._screen.load)
        complaints = Complaints(monotonic)
        self._site = Site(
            self._machine,
            secret,
            complaints,
            servers=range(len(config.servers)),
            witness=self._witness,
            loses=loser(config, id),
            pause_max_s=config.timeout_s,
        )
        self._typed = Typed(self._site.network, 0 if auto is None else None)
        self._began = monotonic()
        self._moved_at = self._began
        self._delivered = 0
        self._is_told = False

    def run(self) -> int:
        """Take part; return the exit status."""
        ending, site, machine = self._ending, self._site, self._machine
        for_eyes = os.isatty(1)
        ending.wake(site.network)
        Hosts(self._config, "client").dial(range(len(self._config.servers)), site)
        if self._auto is None and os.isatty(0):
            complain(f"you are {machine.id}; a line is a message, Ctrl-D ends")
        try:
            while ending.number is None:
                self._say_more()
                if self._is_done:
                    break
                site.turn(self._due)
                self._screen.show(for_eyes=for_eyes)
                if not self._look_after():
                    return EXIT_FAILED
            self._sum_up()
        finally:
            site.close()
        return ending.status if ending.number is not None else 0

    # What is said.

    @property
    def _is_idle(self) -> bool:
        """Whether all that was said is delivered."""
        return self._machine.delivered == self._machine.said

    @property
    def _is_done(self) -> bool:
        if not self._is_idle:
            return False
        if self._auto is None:
            return self._typed.has_ended and not self._typed.lines
        return 0 < self._auto <= self._machine.said

    def _say_more(self) -> None:
        if self._auto is None:
            for text in self._typed.take(self._machine.said - self._machine.delivered):
                self._say(text)
        elif self._is_idle and not self._is_done:
            self._say(f"message {self._machine.said + 1}")

    def _say(self, text: str) -> None:
        if self._is_idle:
            self._moved_at = monotonic()
        self._site.order(Say(text))

    def _witness(self, effects: Effects) -> None:
        if not isinstance(effects, ClientEffects):
            return
        if effects.told or effects.delivered:
            self._moved_at = monotonic()
            self._is_told = False
        self._delivered += len(effects.delivered)
        for number in effects.refused:
            complain(
                f"message {number} was refused as too old: nobody knows whether it was delivered long ago"
            )

    # What a person should know.

    @property
    def _due(self) -> float | None:
        if self._typed.is_always_ready:
            return 0.0
        return None if self._is_told else self._moved_at + PATIENCE_S

    def _look_after(self) -> bool:
        """Say what is being waited for, where it takes long; return whether there is any use in waiting."""
        site, count = self._site, len(self._config.servers)
        if not site.has_met:
            strangers = [id for id, why in site.unreachable.items() if STRANGE in why]
            if 2 * len(strangers) > count:
                complain(
                    f"the servers of {self._path} don't let us in: {self._path}-secret is not theirs; copy "
                    "it from where they run"
                )
                return False
        if self._is_told or monotonic() < self._moved_at + PATIENCE_S:
            return True
        self._is_told = True
        if not site.up:
            complain(f"none of the {count} servers of {self._path} can be reached; tries again until one can")
        elif not self._is_idle:
            up = f"{len(site.up)} of {count} servers can be reached"
            complain(
                f"message {self._machine.delivered + 1} is not delivered yet ({up}); waits for a majority"
            )
        return True

    def _sum_up(self) -> None:
        """Say how it went."""
        took = monotonic() - self._began
        if self._auto is not None:
            rate = self._delivered / took if took > 0 else 0.0
            complain(f"{self._delivered} messages delivered in {took:.2f} s, {rate:,.0f} a second")
        open_now = self._machine.said - self._machine.delivered + len(self._typed.lines)
        if open_now and self._auto is None:
            complain(f"{open_now} messages were not known to be delivered yet")
