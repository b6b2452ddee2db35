"""The rule about bases: a database in place of the log. It looks at a State and says into a Verdict what it
finds."""

from __future__ import annotations

from bayou.check.facts import members_made
from bayou.check.logs import named, several

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.check.facts import Based
    from bayou.check.history import Name
    from bayou.check.state import State
    from bayou.check.verdict import Verdict


def bases(state: State, verdict: Verdict) -> None:
    """A base that a server takes over is what the first commitments make, by its vector, group, epoch and
    clock, and newer than what was there; what it has not stays tentative. No log is let go of that is not
    committed."""
    for based in state.bases:
        step = based.step
        who = f"server {based.server.id} takes over a base of CSN {step.csn}"
        if verdict.fails(step.csn > based.before):
            verdict.blame(step.at, f"{who}, and has come to CSN {based.before}")
        if based.lacking is not None:
            if verdict.fails(not state.history.is_whole):
                verdict.blame(step.at, f"{who}, and nobody has given CSN {based.lacking}")
            continue
        for wrong in _differences(state, based):
            verdict.blame(step.at, f"{who} {wrong}")
        verdict.looked += 1
        if verdict.fails(step.tentative == based.tentative):
            kept = f"keeps {step.tentative} tentative writes"
            verdict.blame(step.at, f"{who} and {kept}, where {based.tentative} are not in it")
    for shortened in state.shortened:
        csn, committed = shortened.step.csn, shortened.committed
        if verdict.fails(shortened.before < csn <= committed):
            who = f"server {shortened.server.id} lets go of its log up to CSN {csn}"
            had = f"it has come to CSN {committed}, and had let go of {shortened.before}"
            verdict.blame(shortened.step.at, f"{who}: {had}")


def _differences(state: State, based: Based) -> list[str]:
    """Return how a base differs from what the commitments up to it make."""
    step = based.step
    vector: dict[Name, int] = {(): 0}
    group: tuple[Name, ...] = ((),)
    epoch = clock = 0
    for csn, id in enumerate(based.server.committed[: step.csn], start=1):
        stamp, name = id
        write = state.writes[id]
        clock = max(clock, stamp)
        members = members_made(write, group, epoch)
        if members is not None:
            group, epoch = members, csn
        if write.kind == "retirement":
            vector.pop(name, None)
            continue
        vector[name] = stamp
        if write.kind == "creation":
            vector[stamp, *name] = stamp
    found = []
    listed = dict(step.vector)
    for name in sorted({*vector, *listed}):
        told, made = listed.get(name, "nothing"), vector.get(name, "nothing")
        if told != made:
            found.append(f"whose vector has {told} for {named(name)}, not {made}")
    if step.group != group:
        what = "primary" if len(step.group) == 1 else "group"
        found.append(f"that names {several(step.group)} the {what}, not {several(group)}")
    if step.epoch not in (epoch, None):
        found.append(f"with the epoch {step.epoch}, not {epoch}")
    if step.clock != clock:
        found.append(f"with the clock {step.clock}, not {clock}")
    return found
