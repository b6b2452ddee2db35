"""The promises of the store, checked on a history (docs/checkers.md says what each promises and can't
see)."""

from __future__ import annotations

from bayou.check import answers, bases, commitgroup, logs
from bayou.check.state import State
from bayou.check.verdict import Verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from bayou.check.history import History

    Look = Callable[[State, Verdict], None]

RULES = {
    "RYW": "Read Your Writes: a read sees the session's earlier writes",
    "MR": "Monotonic Reads: a read sees all that the session's earlier reads saw",
    "WFR": "Writes Follow Reads: a write is accepted where all that its session read is known",
    "MW": "Monotonic Writes: a write is accepted where its session's earlier writes are known",
    "committed prefix": "committed prefixes agree, and never change",
    "CSN": "no CSN is missing or given twice",
    "causal order": "whoever has a write has all that its server had before it, and so does the commit order",
    "writes": "no write is lost, invented, or processed twice",
    "requests": "no request is carried out twice, or answered in two ways, and no write is of none",
    "results": "a put or delete is answered with the stamp of its write, by a server that has that",
    "reads": "a read returns the last write of its row in that server's log, or its committed prefix",
    "rows": "rows are shown as the writes in that server's log make them, general ones included",
    "marks": "a row is shown as tentative just where a tentative write gave it its value",
    "outcomes": "a general write came to what the order of writes makes of it, and never to anything else",
    "refusals": "a request is refused only where its guarantees ask for it, or its server has retired",
    "retired": "the retired stay retired",
    "names": "each server has a name of its own, of a creation write that it has",
    "one primary": "only the primary commits, alone or as a group, and there is always one",
    "votes": "a vote only grows, says one thing in a ballot, and is of a member that holds what it accepts",
    "decrees": "what a group of several commits is what its majority has accepted, in accept order",
    "consent": "newcomers consent to a change of the group, and nobody retires who is needed in it",
    "bases": "a base is what the first commitments make, newer than what it replaces, and all else stays",
    "level": "when nothing more can move, connected servers are equal, and with the primary all is committed",
}

_LOOKS: dict[str, Look] = {
    "RYW": answers.read_your_writes,
    "MR": answers.monotonic_reads,
    "WFR": answers.writes_follow_reads,
    "MW": answers.monotonic_writes,
    "committed prefix": logs.committed_prefix,
    "CSN": logs.commit_numbers,
    "causal order": logs.causal_order,
    "writes": logs.writes,
    "requests": answers.requests,
    "results": answers.results,
    "reads": answers.reads,
    "rows": answers.rows,
    "marks": answers.marks,
    "outcomes": answers.outcomes,
    "refusals": answers.refusals,
    "retired": logs.retired,
    "names": logs.names,
    "one primary": logs.one_primary,
    "votes": commitgroup.votes,
    "decrees": commitgroup.decrees,
    "consent": commitgroup.consent,
    "bases": bases.bases,
    "level": logs.level,
}
"""How each rule looks at what happened: a function each."""


OF_ROWS = ("reads", "rows", "marks", "outcomes")
"""Those that need to know what writes come to."""


def judge(history: History) -> dict[str, Verdict]:
    """Return the verdict of each rule on a history."""
    state = State.of(history)
    verdicts = {}
    for rule in RULES:
        verdicts[rule] = Verdict()
        _LOOKS[rule](state, verdicts[rule])
    if history.given.missed:
        for rule in OF_ROWS:
            verdicts[rule].untold = f"writes call {'; '.join(history.given.missed)}"
    return verdicts
