"""What the messages of a chat come to, for servers that take snapshots: all that were delivered, in order."""

from __future__ import annotations

from bayou.core.errors import BayouError

TYPE_CHECKING = False
if TYPE_CHECKING:
    Delivered = list[tuple[int, int, str]]


class Transcript:
    """All messages that were delivered. Each is turned into JSON once, and not with every snapshot."""

    UNCOMPARED = ("_dumps",)

    def __init__(self) -> None:
        from json import dumps  # takes a while to import, and scenarios take no snapshots

        self._dumps = dumps
        self._pieces: list[str] = []

    def take(self, slot: int, client: int, number: int, text: str) -> None:
        """A message is delivered."""
        self._pieces.append(self._dumps((slot, client, text), separators=(",", ":")))

    def dump(self) -> str:
        """Return them all as one text."""
        return f"[{','.join(self._pieces)}]"

    def load(self, state: str) -> None:
        """Take what ``dump`` returned elsewhere in place of all; BayouError where it is none."""
        self._pieces = [self._dumps(each, separators=(",", ":")) for each in delivered_in(state)]


def delivered_in(state: str) -> Delivered:
    """Return the messages in what ``dump`` returned, as (slot, client, text) each; BayouError where it is
    none."""
    from json import loads

    try:
        return [(int(slot), int(client), str(text)) for slot, client, text in loads(state)]
    except (TypeError, ValueError) as error:
        raise BayouError(f"these are no messages of a chat ({error})") from error
