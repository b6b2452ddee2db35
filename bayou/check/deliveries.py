"""Rules about what servers and clients of a consensus log come to know, apply and answer."""

from __future__ import annotations

from bayou.check.decrees import show_command, show_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.check.decrees import CommandId, Decrees, Event, Value
    from bayou.check.verdict import Verdict


class _Server:
    """What a server has come to: ``place`` of the slots that anybody applied are applied by the service that
    it has now; below ``base`` it knows all decided, and ``known`` beside that, ``lately`` since it crashed
    last (what was not durable it does not know any more)."""

    __slots__ = ("base", "is_up", "known", "lately", "place")

    def __init__(self, *, is_up: bool) -> None:
        self.place = 0
        self.base = 0
        self.known: dict[int, None] = {}
        self.lately: dict[int, None] = {}
        self.is_up = is_up

    def lacks(self, slots: list[int]) -> list[int]:
        """Return those of these slots that it does not know decided."""
        return [slot for slot in slots if slot >= self.base and slot not in self.known]


class Deliveries:
    """Looks at what is decided, applied, answered and told, event by event."""

    def __init__(self, decrees: Decrees, verdicts: dict[str, Verdict]) -> None:
        self._decrees = decrees
        self._verdicts = verdicts
        self._servers: dict[int, _Server] = {}
        self._views: dict[int, dict[int, Value]] = {}
        self._decided: dict[int, None] = {}
        self._asked: dict[CommandId, int] = {}
        self._applied: dict[CommandId, int] = {}
        self._refused: dict[CommandId, None] = {}
        self._acknowledged: dict[CommandId, int] = {}
        self._in_force: dict[int, tuple[int, ...]] = {}
        self._gone: dict[int, None] = {}
        self._skipped: dict[int, None] = {}
        self.handlers = {
            "asked": self._on_asked,
            "decided": self._on_decided,
            "told": self._on_told,
            "applied": self._on_applied,
            "snapshot": self._on_snapshot,
            "installed": self._on_installed,
            "answered": self._on_answered,
            "refused": self._on_refused,
            "acknowledged": self._on_acknowledged,
            "members": self._on_members,
            "joined": self._on_joined,
            "skipped": self._on_skipped,
            "crashed": self._on_crashed,
            "crashed client": self._on_crashed,
            "restarted": self._on_restarted,
            "cleared": self._on_cleared,
        }

    def end(self) -> None:
        """Look at each client's commands in the order in which they were applied."""
        last: dict[int, int] = {}
        verdict = self._verdicts["client order"]
        for slot in self._decrees.in_order_applied:
            client, number = self._decrees.applied[slot]
            if verdict.fails(number >= last.get(client, 0)):
                why = (
                    f"{show_command((client, number))} is applied in slot {slot}, after number {last[client]}"
                )
                verdict.blame(0, why)
            last[client] = max(number, last.get(client, 0))

    def _server(self, id: int) -> _Server:
        server = self._servers.get(id)
        if server is None:
            server = self._servers[id] = _Server(is_up=id in self._decrees.initial)
        return server

    # What is decided.

    def _on_asked(self, at: int, event: Event) -> None:
        self._asked.setdefault((event["client"], event["number"]), at)

    def _on_decided(self, at: int, event: Event) -> None:
        slot = event["slot"]
        server = self._server(event["server"])
        server.known[slot] = server.lately[slot] = None
        self._judge_value(at, f"server {event['server']}", slot)

    def _on_told(self, at: int, event: Event) -> None:
        slot, client = event["slot"], event["client"]
        value = self._judge_value(at, f"client {client}", slot)
        if value is not None:
            self._views.setdefault(client, {}).setdefault(slot, value)

    def _judge_value(self, at: int, who: str, slot: int) -> Value | None:
        """Look at the value that somebody has in a slot, and return it."""
        value = self._decrees.value_at(at)
        if value is None:
            return None  # see bayou.check.ballots
        self._decided[slot] = None
        first_at, first = self._decrees.log[slot]
        if self._verdicts["agreement"].fails(first == value):
            why = f"{who} has {show_value(value)} in slot {slot}, and event {first_at} {show_value(first)}"
            self._verdicts["agreement"].blame(at, why)
        if value[0] == "command":
            text = self._decrees.asked.get(value[1:3])
            if self._verdicts["validity"].fails(text == value[3]):
                sent = "sent no such command" if text is None else f"sent {text!r}"
                why = f"{who} has {show_value(value)} in slot {slot}, and client {value[1]} {sent}"
                self._verdicts["validity"].blame(at, why)
        elif value[0] == "members":
            ids = value[1]
            if self._verdicts["validity"].fails(0 < len(ids) == len(dict.fromkeys(ids))):
                self._verdicts["validity"].blame(at, f"{who} has {show_value(value)} in slot {slot}")
        else:
            self._verdicts["validity"].looked += 1
        return value

    # What is applied.

    def _on_applied(self, at: int, event: Event) -> None:
        id, slot, command = event["server"], event["slot"], (event["client"], event["number"])
        server, verdict = self._server(id), self._verdicts["one log"]
        what = f"server {id} applies {show_command(command)} in slot {slot}"
        decided = self._decrees.log.get(slot)
        if verdict.fails(decided is not None and decided[1][1:3] == command):
            verdict.blame(at, f"{what}, which has {show_value(decided and decided[1])}")
        once = self._applied.setdefault(command, slot)
        if self._verdicts["at most once"].fails(once == slot):
            self._verdicts["at most once"].blame(at, f"{what}, and it is applied in slot {once} too")
        place = self._decrees.place_of(slot)
        if event.get("again") and place < server.place:
            return
        if self._verdicts["at most once"].fails(place >= server.place):
            self._verdicts["at most once"].blame(at, f"{what}, and has applied slots beyond already")
            return
        if verdict.fails(place == server.place):
            passed = self._decrees.in_order_applied[server.place]
            other = show_command(self._decrees.applied[passed])
            verdict.blame(at, f"{what}, and has not applied {other} in slot {passed}")
        server.place = place + 1
        server.lately[slot] = None

    def _on_snapshot(self, at: int, event: Event) -> None:
        """A snapshot is durable: its own, or one that came; if it came, the service takes it at Install."""
        server = self._server(event["server"])
        server.base = max(server.base, event["slot"])

    def _on_installed(self, at: int, event: Event) -> None:
        server, slot = self._server(event["server"]), event["slot"]
        place, verdict = self._decrees.place_of(slot), self._verdicts["one log"]
        if verdict.fails(place >= server.place):
            verdict.blame(at, f"server {event['server']} goes back to what was before slot {slot}")
        server.place = place
        server.base = max(server.base, slot)

    # What clients hear.

    def _on_answered(self, at: int, event: Event) -> None:
        id, slot, command = event["server"], event["slot"], (event["client"], event["number"])
        verdict = self._verdicts["answers"]
        what = f"server {id} answers that {show_command(command)} is in slot {slot}"
        applied = self._decrees.applied.get(slot)
        if verdict.fails(applied == command):
            other = "nothing" if applied is None else show_command(applied)
            verdict.blame(at, f"{what}, where {other} was applied")
        elif verdict.fails(self._server(id).place > self._decrees.place_of(slot)):
            verdict.blame(at, f"{what}, and has not applied it")

    def _on_refused(self, at: int, event: Event) -> None:
        self._refused[event["client"], event["number"]] = None

    def _on_acknowledged(self, at: int, event: Event) -> None:
        slot, command = event["slot"], (event["client"], event["number"])
        once = self._acknowledged.setdefault(command, slot)
        verdict = self._verdicts["acknowledged"]
        decided = self._decrees.log.get(slot)
        if verdict.fails(decided is not None and decided[1][1:3] == command):
            what = f"{show_command(command)} is acknowledged in slot {slot}"
            verdict.blame(at, f"{what}, which has {show_value(decided and decided[1])}")
        elif self._verdicts["at most once"].fails(once == slot):  # where it is decided twice, it counts once
            why = f"{show_command(command)} is acknowledged in slot {slot}, and was in slot {once}"
            self._verdicts["at most once"].blame(at, why)

    # Members, crashes.

    def _on_members(self, at: int, event: Event) -> None:
        id, slot, members = event["server"], event["slot"], tuple(event["members"])
        self._in_force[slot] = members
        verdict, due = self._verdicts["members"], self._decrees.members_of(slot)
        what = f"server {id} tells that members {list(members)} are in force from slot {slot} on"
        if verdict.fails(sorted(members) == sorted(due)):
            verdict.blame(at, f"{what}, and they are {list(due)}")
        if self._decrees.is_in_order:
            below = list(range(slot))
            have = [each for each in members if not self._server(each).lacks(below)]
            if verdict.fails(2 * len(have) > len(members)):
                verdict.blame(at, f"{what}, and only {have} of them have all that is below")

    def _on_joined(self, at: int, event: Event) -> None:
        self._server(event["server"]).is_up = True

    def _on_skipped(self, at: int, event: Event) -> None:
        self._skipped.update(dict.fromkeys(event["slots"]))

    def _on_crashed(self, at: int, event: Event) -> None:
        """Its service begins anew from here on: it may tell of that before it is said to be restarted."""
        if "server" in event:
            server = self._server(event["server"])
            server.is_up, server.place = False, 0
            server.lately.clear()
        else:
            self._gone[event["client"]] = None

    def _on_restarted(self, at: int, event: Event) -> None:
        if "server" in event:
            server = self._server(event["server"])
            if server.is_up:  # nobody has said that it crashed
                self._on_crashed(at, event)
            server.is_up = True

    # At rest.

    def _on_cleared(self, at: int, event: Event) -> None:
        has_majority = event.get("majority") is True
        known = self._known(clients_too=has_majority)
        self._judge_views(at, all_equal=has_majority)
        change = self._decrees.last_change(known)
        members = self._decrees.initial if change is None else change[1]
        self._judge_level(at, members, known)
        if not has_majority:
            return
        self._judge_lost(at, known)
        if change is not None and self._verdicts["members"].fails(self._in_force.get(change[0]) is not None):
            why = f"all is at rest, and nobody has told that members {list(members)} are in force"
            self._verdicts["members"].blame(at, f"{why} from slot {change[0]} on")

    def _known(self, *, clients_too: bool) -> list[int]:
        """Return the slots that somebody who is up knows decided: without a majority servers can't hear of
        what only clients were told."""
        bases = [server.base for server in self._servers.values() if server.is_up]
        known = dict.fromkeys(slot for slot in self._decided if slot < max(bases, default=0))
        for server in self._servers.values():
            known.update(server.lately if server.is_up else {})
        for client, told in self._views.items():
            known.update(dict.fromkeys(told) if clients_too and client not in self._gone else {})
        return sorted(slot for slot in known if slot in self._decrees.log)

    def _judge_lost(self, at: int, known: list[int]) -> None:
        """Everything sent is applied. Where slots are left empty on purpose, the first command of each client
        that is not applied is decided above them, and its later ones wait."""
        verdict = self._verdicts["acknowledged"]
        decided = dict.fromkeys(known)
        gaps = [slot for slot in range(known[-1] if known else 0) if slot not in decided]
        gaps = [slot for slot in gaps if all(slot >= server.base for server in self._servers.values())]
        for slot in gaps:
            if verdict.fails(slot in self._skipped):
                verdict.blame(at, f"all is at rest, slot {slot} is empty, and nobody wanted that")
        held = {self._decrees.log[slot][1][1:3] for slot in known} if gaps else set()
        waiting: dict[int, None] = {}
        for command, asked_at in sorted(self._asked.items()):
            client = command[0]
            if client in self._gone or client in waiting or command in self._refused:
                continue
            if command in held and command not in self._applied:
                waiting[client] = None
            elif verdict.fails(command in self._applied):
                verdict.blame(at, f"all is at rest, and {show_command(command)} (event {asked_at}) is lost")

    def _judge_views(self, at: int, *, all_equal: bool) -> None:
        """All views are equal, or at least the beginning of the longest, and have what was acknowledged."""
        clients = [client for client in self._decrees.clients if client not in self._gone]
        if not self._views or not clients:
            return
        views = {client: self._view(client) for client in clients}
        longest = max(views.values(), key=len, default=[])
        verdict = self._verdicts["one log"]
        for client, view in views.items():
            if verdict.fails(view == (longest if all_equal else longest[: len(view)])):
                why = f"all is at rest, and client {client} has {len(view)} lines in view of {len(longest)}"
                verdict.blame(at, why)
        seen = dict(longest)
        for command, slot in self._acknowledged.items():
            if command[0] not in self._gone and self._verdicts["acknowledged"].fails(
                seen.get(slot) == command
            ):
                why = f"{show_command(command)} was acknowledged in slot {slot}, and is in nobody's view"
                self._verdicts["acknowledged"].blame(at, f"all is at rest, {why}")

    def _view(self, client: int) -> list[tuple[int, CommandId]]:
        """Return the commands in the slots before the first gap, each where it stands first."""
        told, slot = self._views.get(client, {}), 0
        lines: dict[CommandId, int] = {}
        while slot in told:
            value = told[slot]
            if value[0] == "command":
                lines.setdefault(value[1:3], slot)
            slot += 1
        return [(slot, command) for command, slot in lines.items()]

    def _judge_level(self, at: int, members: tuple[int, ...], known: list[int]) -> None:
        """All members that are up have applied the same, and know decided what anybody does."""
        verdict = self._verdicts["level"]
        up = [id for id in members if self._server(id).is_up]
        place = max((server.place for server in self._servers.values()), default=0)
        for id in up:
            server = self._server(id)
            lacking = server.lacks(known)
            if verdict.fails(server.place >= place):
                slot = self._decrees.in_order_applied[server.place]
                verdict.blame(at, f"all is at rest, and server {id} has not applied slot {slot}")
            elif verdict.fails(not lacking):
                verdict.blame(
                    at, f"all is at rest, and server {id} does not know slots {lacking[:3]} decided"
                )
