"""The log as people watch it: what a server knows decided and who leads, a line each, on standard error."""

from __future__ import annotations

from bayou.families.log.server import ServerEffects
from bayou.paxos.log.inputs import (
    Chosen,
    Install,
    LeaderChanged,
    NotLeader,
    Received,
    Rejected,
    Skip,
    SnapshotTaken,
)
from bayou.paxos.log.messages import Command, NoOp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.families.log.server import LogServer
    from bayou.machine.effects import Effects
    from bayou.net.complaints import Complaints
    from bayou.paxos.log.inputs import Answer, Input


class Display:
    """Tells what each step of a server has brought about. Who does not read holds nothing up: lines for which
    there was no room are counted."""

    def __init__(self, server: LogServer, complaints: Complaints) -> None:
        self._server = server
        self._complaints = complaints
        self._left_out = 0

    def witness(self, effects: Effects) -> None:
        """A step has brought this about."""
        if not isinstance(effects, ServerEffects):
            return
        for given, made in effects.log:
            for answer in made.answers:
                line = self._line_of(given, answer)
                if line:
                    self.say(line)
            if isinstance(given, SnapshotTaken) and made.durable:
                self.say(f"snapshot: all slots below {given.slot} are in it")

    def say(self, line: str) -> None:
        """Write a line, if there is room for it."""
        if self._left_out and self._complaints.say(f"{self._left_out} lines were left out"):
            self._left_out = 0
        if self._left_out or not self._complaints.say(line):
            self._left_out += 1

    def _line_of(self, given: Input, answer: Answer) -> str:
        if isinstance(answer, Chosen):
            value = answer.value
            if isinstance(value, Command):
                return f"slot {answer.slot}: {value.client}: {value.text}"
            return f"slot {answer.slot}: {'no-op' if isinstance(value, NoOp) else value}"
        if isinstance(answer, LeaderChanged):
            return self._leader(answer.leader)
        if isinstance(answer, Install) and isinstance(given, Received):
            return f"snapshot: all slots below {answer.slot} were taken over"
        if isinstance(given, Skip) and isinstance(answer, (Rejected, NotLeader)):
            slots = ", ".join(map(str, getattr(answer, "slots", given.slots)))
            return f"--skip-slots: {slots} can't be left empty, being used already"
        return ""

    def _leader(self, leader: int | None) -> str:
        if leader is None:
            return "view: no leader is known"
        number, node = (
            self._server.log.leader_ballot if leader != self._server.id else self._server.log.leading.ballot
        )
        who = "this server leads" if leader == self._server.id else f"server {leader} leads"
        return f"view: {who}, in ballot {number}.{node}"
