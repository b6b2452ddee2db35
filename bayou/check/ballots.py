"""Rules about single messages and records of a consensus log: who may say what, and when.

They catch what hardly ever leads to two values in a slot: a promise that a crash undid, a ballot used twice,
a majority that was none.
"""

from __future__ import annotations

from bayou.check.decrees import show_value, value_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.check.decrees import Ballot, Decrees, Event, Value
    from bayou.check.verdict import Verdict

NO_BALLOT: Ballot = (0, -1)


class _Server:
    """What was durable at one server, and in which of its lives it used a ballot of its own.

    ``votes``: for each slot all that it ever accepted there, by ballot, in the order in which it did;
    ``base``: below this slot it may have dropped them; ``is_down``: it has crashed.
    """

    __slots__ = ("base", "is_down", "life", "promised", "used", "votes")

    def __init__(self) -> None:
        self.promised = NO_BALLOT
        self.votes: dict[int, dict[Ballot, Value]] = {}
        self.base = 0
        self.is_down = False
        self.life = 0
        self.used: dict[Ballot, int] = {}

    def vote(self, slot: int, below: Ballot | None = None) -> tuple[Ballot, Value] | None:
        """Return the ballot and value that it accepted last in a slot, in a ballot below that one."""
        ballots = self.votes.get(slot, {})
        last = max((ballot for ballot in ballots if below is None or ballot < below), default=None)
        return None if last is None else (last, ballots[last])


class Ballots:
    """Looks at records and messages, event by event.

    A process that was killed may not have told what it did last: where the order of events says nothing, who
    was down in the end (or anybody, where a trace is cut off) may have promised and accepted what others
    need.
    """

    def __init__(self, decrees: Decrees, verdicts: dict[str, Verdict]) -> None:
        self._decrees = decrees
        self._verdicts = verdicts
        self._servers: dict[int, _Server] = {}
        self._promised: dict[Ballot, dict[int, None]] = {}
        self._voters: dict[int, dict[Ballot, dict[int, None]]] = {}
        self._values: dict[tuple[int, Ballot], Value] = {}
        self._proposed: dict[tuple[int, Ballot], tuple[int, int, Value]] = {}
        self._decided: dict[int, None] = {}
        self._silent: dict[int, None] = {}
        self.handlers = {
            "promised": self._on_promised,
            "accepted": self._on_accepted,
            "sent": self._on_sent,
            "decided": self._on_decided,
            "told": self._on_decided,
            "snapshot": self._on_base,
            "installed": self._on_base,
            "crashed": self._on_crashed,
            "restarted": self._on_restarted,
        }
        self._on_message = {
            "Prepare": self._on_prepare,
            "Promise": self._on_promise,
            "Accept": self._on_accept,
            "Accepted": self._on_accepted_sent,
        }

    def end(self) -> None:
        """Look at what can be judged only from the whole, where the order of events says nothing."""
        if not self._decrees.is_in_order:
            is_cut_off = self._decrees.is_cut_off
            self._silent = {id: None for id, server in self._servers.items() if is_cut_off or server.is_down}
            for (slot, ballot), (at, server, value) in self._proposed.items():
                self._judge_proposal(at, server, slot, ballot, value)
            for slot, (at, value) in self._decrees.log.items():
                self._judge_majority(at, slot, value)

    def _server(self, id: int) -> _Server:
        server = self._servers.get(id)
        if server is None:
            server = self._servers[id] = _Server()
        return server

    # What is durable.

    def _on_promised(self, at: int, event: Event) -> None:
        id, ballot = event["server"], tuple(event["ballot"])
        server = self._server(id)
        known = id in self._promised.get(ballot, ())
        if not (known and event.get("again")) and self._verdicts["records"].fails(ballot >= server.promised):
            why = f"server {id} promises {ballot}, and has promised {server.promised} before"
            self._verdicts["records"].blame(at, why)
        server.promised = max(server.promised, ballot)
        self._promised.setdefault(ballot, {})[id] = None

    def _on_accepted(self, at: int, event: Event) -> None:
        id, slot, ballot = event["server"], event["slot"], tuple(event["ballot"])
        value = value_of(event["value"])
        server = self._server(id)
        self._one_value(at, f"server {id} accepts", slot, ballot, value)
        votes = server.votes.setdefault(slot, {})
        if not (event.get("again") and votes.get(ballot) == value):
            if self._verdicts["records"].fails(ballot >= server.promised):
                why = (
                    f"server {id} accepts {ballot} in slot {slot}, and has promised {server.promised} before"
                )
                self._verdicts["records"].blame(at, why)
            server.promised = max(server.promised, ballot)
        votes[ballot] = value
        self._voters.setdefault(slot, {}).setdefault(ballot, {})[id] = None

    def _one_value(self, at: int, who: str, slot: int, ballot: Ballot, value: Value) -> None:
        first = self._values.setdefault((slot, ballot), value)
        if self._verdicts["ballots"].fails(first == value):
            why = (
                f"{who} {show_value(value)} in slot {slot} in ballot {ballot}, which has {show_value(first)}"
            )
            self._verdicts["ballots"].blame(at, why)

    def _on_base(self, at: int, event: Event) -> None:
        server = self._server(event["server"])
        server.base = max(server.base, event["slot"])

    def _on_crashed(self, at: int, event: Event) -> None:
        """What comes from here on is of another life, also before the server is said to be restarted."""
        if "server" in event:
            server = self._server(event["server"])
            server.life += 1
            server.is_down = True

    def _on_restarted(self, at: int, event: Event) -> None:
        if "server" in event:
            server = self._server(event["server"])
            server.life += not server.is_down  # nobody may have said that it crashed
            server.is_down = False

    # What is said.

    def _on_sent(self, at: int, event: Event) -> None:
        self._on_message[event["message"]](at, event["server"], tuple(event["ballot"]), event)

    def _use(self, at: int, id: int, ballot: Ballot) -> None:
        """A server uses a ballot to lead: it is its own one, and was used in no earlier life."""
        server, verdict = self._server(id), self._verdicts["ballots"]
        if verdict.fails(ballot[1] == id):
            verdict.blame(at, f"server {id} uses ballot {ballot}, which is not its own")
        life = server.used.setdefault(ballot, server.life)
        if verdict.fails(life == server.life):
            verdict.blame(at, f"server {id} uses ballot {ballot} again, as it did before a crash")

    def _may_say(self, at: int, id: int, what: str, ballot: Ballot) -> None:
        """What is said in a ballot is said while that is what the server's durable promise stands at."""
        promised, verdict = self._server(id).promised, self._verdicts["records"]
        if verdict.fails(promised == ballot):
            why = f"server {id} sends {what} in ballot {ballot}, and its durable promise is {promised}"
            verdict.blame(at, why)

    def _on_prepare(self, at: int, id: int, ballot: Ballot, event: Event) -> None:
        self._use(at, id, ballot)
        self._may_say(at, id, "Prepare", ballot)

    def _on_promise(self, at: int, id: int, ballot: Ballot, event: Event) -> None:
        self._may_say(at, id, "Promise", ballot)
        self._promised.setdefault(ballot, {})[id] = None
        server, verdict = self._server(id), self._verdicts["promises"]
        first, upto = event["first"], event.get("upto")
        told = {slot: (tuple(below), value_of(value)) for slot, below, value in event["accepted"]}
        for slot, vote in told.items():
            if verdict.fails(server.votes.get(slot, {}).get(vote[0]) == vote[1]):
                why = f"server {id} tells of {show_value(vote[1])} in slot {slot} in ballot {vote[0]}"
                verdict.blame(at, f"{why}, which it has not accepted")
        for slot in server.votes:
            if slot < max(first, server.base) or (upto is not None and slot >= upto):
                continue
            due = server.vote(slot)
            if due is not None and verdict.fails(told.get(slot) == due):
                had, says = (show_value(vote and vote[1]) for vote in (due, told.get(slot)))
                why = f"server {id} has accepted {had} in slot {slot} in ballot {due[0]}, and tells of {says}"
                verdict.blame(at, why)

    def _on_accept(self, at: int, id: int, ballot: Ballot, event: Event) -> None:
        slot, value = event["slot"], value_of(event["value"])
        self._use(at, id, ballot)
        self._one_value(at, f"server {id} proposes", slot, ballot, value)
        self._may_say(at, id, "Accept", ballot)
        if (slot, ballot) in self._proposed:
            return
        self._proposed[slot, ballot] = at, id, value
        if id in self._decrees.members_of(slot):
            verdict = self._verdicts["records"]
            if verdict.fails(ballot in self._server(id).votes.get(slot, {})):
                why = f"server {id} proposes in slot {slot} in ballot {ballot}, and has not accepted it"
                verdict.blame(at, why)
        if self._decrees.is_in_order:
            self._judge_proposal(at, id, slot, ballot, value)
            before = slot - self._decrees.window
            verdict = self._verdicts["members"]
            if before >= 0 and verdict.fails(any(self._winners(before, None))):
                why = f"server {id} proposes in slot {slot}, and slot {before}, a window before, is undecided"
                verdict.blame(at, why)

    def _on_accepted_sent(self, at: int, id: int, ballot: Ballot, event: Event) -> None:
        self._may_say(at, id, "Accepted", ballot)
        slot, verdict = event["slot"], self._verdicts["records"]
        if verdict.fails(ballot in self._server(id).votes.get(slot, {})):
            why = f"server {id} sends Accepted for slot {slot} in ballot {ballot}, which is not durable"
            verdict.blame(at, why)

    def _judge_proposal(self, at: int, id: int, slot: int, ballot: Ballot, value: Value) -> None:
        """A majority of the slot's members has promised the ballot, and either none of these had accepted
        anything there, or the value is the one of the highest ballot among what they had."""
        members = self._decrees.members_of(slot)
        half = len(members) // 2
        verdict = self._verdicts["proposals"]
        promised = {**self._promised.get(ballot, {}), **self._silent}
        heard = [each for each in promised if each in members]
        where = f"server {id} proposes {show_value(value)} in slot {slot} in ballot {ballot}"
        if verdict.fails(len(heard) > half):
            verdict.blame(at, f"{where}, and {heard} have promised it, of members {list(members)}")
            return
        votes = [self._server(each).vote(slot, ballot) for each in heard]
        if votes.count(None) > half:
            return
        same = [self._server(each).vote(slot, ballot) for each in promised]
        highest = max((vote[0] for vote in same if vote is not None and vote[1] == value), default=NO_BALLOT)
        not_above = sum(vote is None or vote[0] <= highest for vote in votes)
        if verdict.fails(highest > NO_BALLOT and not_above > half):
            last = max(vote for vote in votes if vote is not None)
            verdict.blame(at, f"{where}, and {show_value(last[1])} was accepted there in ballot {last[0]}")

    # What is decided.

    def _on_decided(self, at: int, event: Event) -> None:
        slot, value = event["slot"], self._decrees.value_at(at)
        if value is None:
            why = (
                f"server {event['server']} has decided what it accepted in slot {slot}, and has nothing there"
            )
            self._verdicts["records"].blame(at, why)
        elif self._decrees.is_in_order and slot not in self._decided:
            self._decided[slot] = None
            self._judge_majority(at, slot, value)

    def _judge_majority(self, at: int, slot: int, value: Value) -> None:
        verdict = self._verdicts["majorities"]
        if verdict.fails(any(self._winners(slot, value))):
            members = list(self._decrees.members_of(slot))
            votes = {ballot: list(voters) for ballot, voters in self._voters.get(slot, {}).items()}
            what = f"{show_value(value)} is decided in slot {slot}, whose members are {members}"
            verdict.blame(at, f"{what}, and was accepted by {votes}")

    def _winners(self, slot: int, value: Value | None) -> list[bool]:
        """For each ballot: has a majority of the slot's members accepted this value (None: any) in it?"""
        members = self._decrees.members_of(slot)
        return [
            2 * sum(each in members for each in {**voters, **self._silent}) > len(members)
            for ballot, voters in self._voters.get(slot, {}).items()
            if value is None or self._values[slot, ballot] == value
        ]
