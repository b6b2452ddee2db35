"""The objects that histories of anybody's are judged as: a register, a text under a key, a lock.

Values are texts, JSON in canonical form, so that ``1``, ``1.0``, ``true`` and ``"1"`` are four of them.
"""

from __future__ import annotations

import json
from bisect import bisect_left

from bayou._quoting import printable
from bayou.check.model import Model, Operation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from bayou.check.model import State

NULL = "null"
SHOWN_CHARACTERS_MAX = 60
"""How much is shown of a value."""

OTHER = ""
"""The state of values that no operation of a history can tell apart: no JSON is empty."""

OTHER_TEXT = '"'
"""The same of texts, to which more can be appended."""


class Register(Model):
    """A single value: ``read``, ``write`` and ``cas`` (argument: old and new; result: True or False).

    ``known``: the values that some operation can tell from others; None for all.
    """

    initial = NULL

    def __init__(self, known: frozenset[Hashable] | None = None) -> None:
        self._known = known

    def step(self, state: State, operation: Operation) -> State | None:
        """Reads and successful ``cas`` need their value, failed ``cas`` any other one."""
        function = operation.function
        if function == "write":
            return self.fold(operation.argument)
        if function == "read":
            return state if operation.result in (None, state) else None
        old, new = pair(operation)
        if operation.result is False:
            return state if state != old else None
        return self.fold(new) if state == old else None

    def only_reads(self, operation: Operation) -> bool:
        """A ``cas`` that failed is a read, too."""
        return operation.function == "read" or operation.result is False

    def likeness(self, operation: Operation) -> Hashable:
        """A ``cas`` of unknown result can do what a successful one can."""
        if operation.function == "write":
            return ("write", self.fold(operation.argument))
        if operation.function == "read":
            return ("read", operation.result)
        old, new = pair(operation)
        return ("cas", old, self.fold(new), operation.result is not False)

    def folded(self, operations: Iterable[Operation]) -> Model:
        """What nobody reads or compares with is one value."""
        known: set[Hashable] = set()
        for operation in operations:
            if operation.function == "cas":
                known.add(pair(operation)[0])
            elif operation.function == "read" and operation.result is not None:
                known.add(operation.result)
        return Register(frozenset(known))

    def fold(self, state: State) -> State:
        """What is not known is one value."""
        return state if self._known is None or state in self._known else OTHER

    def show(self, operation: Operation) -> str:
        """As ``write 3``, ``read: 3``, ``cas 3 to 0: true``."""
        if operation.function == "cas":
            old, new = pair(operation)
            return f"cas {cut(old)} to {cut(new)}{_truth(operation)}"
        if operation.function == "write":
            return f"write {cut(operation.argument)}"
        return "read" + ("" if operation.result is None else f": {cut(operation.result)}")

    def show_state(self, state: State) -> str:
        """The value."""
        return cut(state)

    def needs(self, operation: Operation) -> str:
        """The value that it read, or compared with."""
        if operation.function == "cas":
            return ("any but " if operation.result is False else "") + cut(pair(operation)[0])
        return cut(operation.result)


class Keyed(Model):
    """What stands under one key of a map from text to value: ``get``, ``put`` and ``append``.

    States are what a ``get`` returns, and ``null`` where nothing is there, for which a ``get`` may also
    return an empty text. An ``append`` to nothing is the text itself; one to what is no text can't be.
    ``returned``: the values that some ``get`` returned; None: whatever they are, all states are told apart.
    """

    initial = NULL

    def __init__(self, returned: Iterable[str] | None = None) -> None:
        self._folds = returned is not None
        self._returned = frozenset(returned or ())
        self._texts = sorted(value[:-1] for value in self._returned if value[0] == '"')

    def step(self, state: State, operation: Operation) -> State | None:
        """Only a ``get`` needs something of a state, and an ``append`` that it is a text, or nothing."""
        value = str(state)
        if operation.function == "get":
            fits = operation.result in (None, value) or (value == NULL and operation.result == '""')
            return value if fits else None
        argument = str(operation.argument)
        if operation.function == "put" or value == NULL:
            return self.fold(argument)
        if value[:1] != '"':
            return None
        return value if value == OTHER_TEXT else self.fold(value[:-1] + argument[1:])

    def only_reads(self, operation: Operation) -> bool:
        """A ``get`` is all that reads."""
        return operation.function == "get"

    def likeness(self, operation: Operation) -> Hashable:
        """Who does it makes no difference, nor do two values that nobody can tell apart."""
        if operation.function == "put":
            return ("put", self.fold(str(operation.argument)))
        return (operation.function, operation.argument, operation.result)

    def folded(self, operations: Iterable[Operation]) -> Model:
        """A text that no returned one begins with is lost for good, whatever is appended to it."""
        results = (operation.result for operation in operations if operation.function == "get")
        return Keyed(str(result) for result in results if result is not None)

    def fold(self, state: State) -> State:
        """What can't become a value that was returned is one text, or one of the other values."""
        value = str(state)
        if not self._folds or value == NULL or value in self._returned:
            return value
        if value[:1] != '"':
            return OTHER
        text = value[:-1]
        at = bisect_left(self._texts, text)
        return value if at < len(self._texts) and self._texts[at].startswith(text) else OTHER_TEXT

    def show(self, operation: Operation) -> str:
        """As ``put 3``, ``append "a"``, ``get: "a"``."""
        shown = operation.function if operation.argument is None else f"{operation.function} "
        shown += "" if operation.argument is None else cut(operation.argument)
        return shown + ("" if operation.result is None else f": {cut(operation.result)}")

    def show_state(self, state: State) -> str:
        """The value, null where nothing is there."""
        return cut(state)

    def needs(self, operation: Operation) -> str:
        """What a ``get`` returned."""
        if operation.function == "append":
            return "a text, or null"
        return cut(operation.result) + (" or null" if operation.result == '""' else "")


class Lock(Model):
    """A lock that one process holds at a time: ``lock`` (result True: held from then on) and ``unlock``
    (result: whether the process held it). The state: nobody's, or the process that holds it."""

    initial: State = ()

    def step(self, state: State, operation: Operation) -> State | None:
        """To be locked it has to be free, for its holder too; only its holder unlocks it."""
        mine = (operation.process,)
        if operation.function == "lock":
            return mine if state == () else None
        if operation.result is False:
            return state if state != mine else None
        return () if state == mine else None

    def only_reads(self, operation: Operation) -> bool:
        """An ``unlock`` by somebody else changes nothing."""
        return operation.function == "unlock" and operation.result is False

    def likeness(self, operation: Operation) -> Hashable:
        """One of unknown result can do what a successful one can."""
        return (operation.process, operation.function, operation.result is not False)

    def show(self, operation: Operation) -> str:
        """As ``lock``, ``unlock: false``."""
        return operation.function + (_truth(operation) if operation.function == "unlock" else "")

    def show_state(self, state: State) -> str:
        """Who holds it."""
        return "free" if not isinstance(state, tuple) or not state else f"held by process {state[0]}"

    def needs(self, operation: Operation) -> str:
        """Who must hold it, or must not."""
        if operation.function == "lock":
            return "it free"
        return f"it{' not' if operation.result is False else ''} held by process {operation.process}"


def pair(operation: Operation) -> tuple[str, str]:
    """Return the old and the new value of a ``cas``."""
    values = operation.argument
    if not isinstance(values, tuple) or len(values) != 2:
        raise TypeError(f"the argument of a cas is a pair, not {values!r}")
    return values


def cut(value: object) -> str:
    """Return a value, JSON in canonical form, as it is shown: not too long, no control characters."""
    text = str(value)
    if "\\u" in text:
        text = json.dumps(json.loads(text), ensure_ascii=False)
    return printable(text, SHOWN_CHARACTERS_MAX)


def _truth(operation: Operation) -> str:
    return "" if operation.result is None else f": {str(operation.result).lower()}"


MODELS: dict[str, type[Model]] = {"register": Register, "kv": Keyed, "lock": Lock}
"""The models by the names that they have on the command line."""
