"""What a search for an order of operations is about: operations, and what an object is that they act on."""

from __future__ import annotations

from bayou._record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    State = Hashable


class Operation(Record):
    """Something that a process asked of an object, between two positions of a history.

    ``begin`` and ``end`` are positions (numbers of lines, or of events): one operation comes before another
    where its end is below the other's begin, and they overlap otherwise. ``end``: None where nobody knows
    whether it happened; it may take effect at any moment from ``begin`` on, or never. ``result``: None where
    nobody knows it. What certainly did not happen is no operation.
    ``key``: which object it acts on, where there are several; each is judged alone.
    """

    process: int
    begin: int
    end: int | None
    function: str
    argument: Hashable = None
    result: Hashable = None
    key: Hashable = None

    def without_end(self) -> Operation:
        """Return it as one of which nobody knows whether it happened; if it did, then with that result."""
        return Operation(self.process, self.begin, None, self.function, self.argument, self.result, self.key)


class Model:
    """What one object is: its state at first, and what an operation makes of a state.

    Derive from it and say at least ``initial`` and ``step``; what else there is makes the search faster, or
    its findings easier to read, and may be left as it is. States are hashable, equal where they are the
    same, and never None.
    """

    initial: State = ""

    def step(self, state: State, operation: Operation) -> State | None:
        """Return the state that the operation leaves, None where it can't have its result in this one.

        An operation of unknown result (None) can do whatever it could with any; where all that it could do
        is to leave the state as it is, either answer will do.
        """
        raise NotImplementedError

    def only_reads(self, operation: Operation) -> bool:
        """Whether it leaves every state as it is in which it can have its result, as reads do: the search
        then takes it as soon as it fits, which loses nothing."""
        return False

    def likeness(self, operation: Operation) -> Hashable:
        """Return what tells this operation from those that do something else: two of one likeness make the
        same of every state. The fewer there are, the faster the search."""
        return (operation.process, operation.function, operation.argument, operation.result)

    def folded(self, operations: Iterable[Operation]) -> Model:
        """Return a model in which states that none of these operations can tell apart, now or later, are one
        state: the same histories are linearizable under it, and it takes fewer steps to say so."""
        return self

    def fold(self, state: State) -> State:
        """Return what a folded model has instead of a state of the model that it was made from."""
        return state

    def show(self, operation: Operation) -> str:
        """Return the operation and its result as people read them, without its process."""
        argument = "" if operation.argument is None else f" {operation.argument}"
        result = "" if operation.result is None else f": {operation.result}"
        return f"{operation.function}{argument}{result}"

    def show_state(self, state: State) -> str:
        """Return a state, to stand after ``the state is``."""
        return str(state)

    def needs(self, operation: Operation) -> str:
        """Return what state the operation needs, to stand after ``needs``."""
        return "another one"


def by_key(operations: Sequence[Operation]) -> dict[Hashable, list[Operation]]:
    """Return the operations of each key, keys in order of appearance. A history is linearizable where that of
    each object is (Herlihy and Wing 1990, theorem 1: locality)."""
    keys: dict[Hashable, list[Operation]] = {}
    for operation in operations:
        keys.setdefault(operation.key, []).append(operation)
    return keys
