"""When a member of the commit group begins to lead, where servers run freely (bayou.node.voting).

A member that has something to commit and sees neither its CSN nor the votes move for a while begins a ballot.
How long that is, chance decides, so that members seldom do so at the same time; and after each ballot of its
own that came to nothing it waits twice as long, until a member is connected again that was not then.
Whoever leads the highest ballot begins no other one: members promise it when they hear of it, and one more
would only make worthless what is on its way. Where nothing is to be committed, nothing happens.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bayou.core.name import Name
    from bayou.machine.machine import Randomness
    from bayou.node.context import Context
    from bayou.node.voting import Voting

WAIT_S = 0.3
"""A member waits for that long at least, and for twice that at most."""

TRIES_COUNTED = 4
"""From so many ballots on that came to nothing it does not wait any longer."""


CALM_S_MAX = 60.0
"""One that comes and goes makes others wait less once in so long at least, while nothing is committed."""


class Leading:
    """Watches whether commitment gets on, and has this server lead where it does not."""

    UNCOMPARED = ("_rng", "_server", "due")

    def __init__(self, server: Context, rng: Randomness) -> None:
        self._server = server
        self._rng = rng
        self._seen = (-1, -1)
        self._tries = 0
        self._calm_s = WAIT_S
        self._calm_until = 0.0
        self.due: float | None = None

    def look(self, voting: Voting) -> None:
        """Called after each input."""
        server = self._server
        if not self._may_lead or not voting.has_something:
            self.due = None
            return
        seen = server.replica.csn, voting.moved
        if seen[0] != self._seen[0]:
            self._tries = 0
            self._calm_s, self._calm_until = WAIT_S, 0.0
        if self.due is None or seen != self._seen:
            self._seen = seen
            self._plan()

    def on_due(self) -> None:
        """Nothing has moved for a while."""
        self.due = None
        voting = self._server.voting
        if voting is None or not voting.has_something or not self._may_lead:
            return
        if not voting.propose() and not voting.leads:
            voting.lead()
            self._tries = min(self._tries + 1, TRIES_COUNTED)
        self._plan()

    def on_link_up(self, name: Name | None) -> None:
        """What came to nothing did so without this one. Where one comes and goes that counts less and less
        often, or ballots would begin faster than any can be promised."""
        server = self._server
        if name not in server.replica.group or server.now < self._calm_until:
            return
        self._calm_until = server.now + self._calm_s
        self._calm_s = min(CALM_S_MAX, 2 * self._calm_s)
        self._tries = 0
        if self.due is not None:
            before = self.due
            self._plan()
            self.due = min(before, self.due)

    @property
    def _may_lead(self) -> bool:
        """Whether it takes part. One that pulls nothing, or nothing more of a member as it lacks a function,
        never hears that its ballot is promised, nor that others commit: it would take the ballot from
        them again and again."""
        server = self._server
        if not server.is_active or server.paused or server.is_unsure or server.is_full:
            return False
        return not any(name in server.replica.group for name, _ in server.lacking)

    def _plan(self) -> None:
        share = self._rng.getrandbits(32) / (1 << 32)
        self.due = self._server.now + WAIT_S * (1 + share) * 2**self._tries
