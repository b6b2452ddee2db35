"""General writes against their twin (tests/writes_twin.py), in histories made up from seeds.

    python -m tests.writes_histories --histories 5000 --seed 0 -j 2

Two to four replicas accept writes, tell each other parts of what they know, and commit late; some are created
on the way, some fold and truncate and send their base. After each step every replica that may have changed
has to pass its own check, and to show the rows, marks and outcomes that its twin has. Half of the histories
are about two keys of one collection, where everything depends on everything. Seeds that fail are printed;
exit status 1 then.
"""

from __future__ import annotations

import argparse
import random
import sys
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, Any

from bayou.check.changes import WHOLE_MAX, written
from bayou.core.body import body_of, made_body
from bayou.core.errors import BayouError
from bayou.core.name import ROOT
from bayou.core.replica import Replica
from bayou.core.sortedwrites import SHORT
from bayou.core.values import Value
from bayou.core.write import CHANGE, NOTICE, Write
from bayou.node.reading import standing
from tests.writes_twin import Cell, Row, State, replayed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bayou.core.name import Name

REPLICAS_MAX = 4
TEXTS = ["", "a", "b", "ab", "\u00e9", "\U0001f3b5", "a\tb\x01"]
SCALARS: list[Any] = [1, 1.0, "1", True, False, 0, 2, -1, 1.5, "a", "b", "", WHOLE_MAX, 2**53 + 1, 2.0**53]
VALUES: list[Any] = [
    *SCALARS,
    {"f": 1},
    {"f": 1.0},
    {"f": True},
    {"f": "1"},
    {"f": "a", "g": 2},
    {"f": "a", "g": 1},
    {"f": "b", "g": "x"},
    {"f": None},
    {"f": [1]},
    {"g": False},
    {".": 1},
    {},
    [],
    ["a"],
    ["b", "a", "b"],
    ["b", 1],
    [True],
    -WHOLE_MAX - 1,
    WHOLE_MAX - 1,
    1e300,
    "\u00e9\x01\x7f",
    [[[[{"f": [{"g": [None]}]}]]]],
]
"""What rows may be: the more of them look alike, the more there is to be told apart."""

ALIKE: list[list[Any]] = [
    [1, True],
    [1, True, 1.0, "1"],
    [{"f": 1}, {"f": True}],
    [{"f": 1}, {"f": True}, {"f": 1.0}, {"f": "1"}],
    [{"f": 1, "g": 1}, {"f": 1, "g": 2}, {"f": 2, "g": 1}, {"f": 2, "g": 2}],
    [1, 2, 3],
    [["a"], ["a", "b"], []],
]
"""Values that are easily taken for each other, or meet some conditions of a few and not others. A history has
two of a kind at least."""

WORDS = ["u", "v", "caf\udce9", "\u00e9"]
"""Values of the playlist; one has an odd byte."""

OPERATORS = ["=", "=", "=", "=", "=", "!=", "<", "<=", ">", ">="]
STEPS: dict[str, float] = {"accept": 12, "tell": 12, "mark": 1, "create": 1, "fold": 1, "truncate": 1}


class Mismatch(AssertionError):
    """A replica is not what its twin is."""


class Bodies:
    """Bodies of general writes and plain values, made up at random for one history, which keeps to a few
    rows, values and conditions."""

    def __init__(self, rng: random.Random, *, narrow: bool) -> None:
        self._rng = rng
        self._narrow = narrow
        self._number = 0
        self.keys = rng.choice([["a", "b"], ["a", "ab"], ["", "a"], ["a", "a-2"]])
        self.collections = ["c"]
        if not narrow:
            self.keys = ["", "a", "ab", "b", "a-2", "a-3", "\u00e9", "k" * 1023]
            self.collections = ["c", "c", "d", "playlist"]
        alike = rng.choice(ALIKE)
        self._values = rng.sample(alike, rng.randint(2, len(alike)))
        if not narrow or rng.random() < 0.3:
            self._values += rng.sample(VALUES, rng.randint(1, 4))
        self._scalars = scalars_of(self._values) or [1]
        if not narrow:
            self._scalars += rng.sample(SCALARS, 2)
        self._fields = [
            *sorted({each for value in self._values if type(value) is dict for each in value}),
            ".",
        ]
        self._wheres = [self._made_where() for _ in range(rng.randint(2, 5))]
        self._queries = 0.8 if narrow else 0.4
        self._chains = rng.choice([0.2, 0.8]) if narrow else 0.1
        self._new = 0.03 if narrow else 0.2
        self._plain = rng.choice([0.5, 0.9])
        self._adds = rng.choice([[1], [1, -1, 2], [WHOLE_MAX, -1, 1], [-WHOLE_MAX - 1, 1, -1]])
        self.conflicts: list[str] = []
        """Keys of conflicts that there were: some are deleted."""

    def row(self) -> Row:
        """Return a row that a write may be about."""
        collection = self._rng.choice(self.collections)
        if collection == "playlist":
            return collection, self._rng.choice(["a", "b", "odd\udce9"])
        return collection, self._rng.choice(self.keys)

    def value(self, row: Row) -> Any:
        """Return a value that this row may have."""
        return self._rng.choice(WORDS if row[0] == "playlist" else self._values)

    def body(self) -> Any:
        """Return the body of a general write."""
        rng = self._rng
        self._number += 1
        if rng.random() < self._chains:
            alternatives = [self._link() for _ in range(rng.choice([2, 2, 3, 4]))]
        else:
            alternatives = [self._alternative() for _ in range(rng.choice([1, 1, 1, 2, 2, 3, 4]))]
        body = {"name": f"w{self._number}", **alternatives[0]}
        if alternatives[1:]:
            body["else"] = alternatives[1:]
        return body

    def _alternative(self) -> Any:
        rng = self._rng
        made: Any = {"do": [self._update() for _ in range(rng.choice([0, 1, 1, 1, 1, 2, 3]))]}
        conditions = [self._condition() for _ in range(rng.choice([0, 1, 1, 1, 1, 1, 2, 3]))]
        if conditions:
            made["if"] = conditions
        return made

    def _link(self) -> Any:
        """Return an alternative that hangs on one query alone: which of them a write looks at depends on what
        those before it come to."""
        row = self.row()
        return {"do": [["set", *row, self.value(row)]], "if": [self._query(row)]}

    def _update(self) -> Any:
        rng = self._rng
        if self.conflicts and rng.random() < 0.05:
            return ["delete", "!conflicts", rng.choice(self.conflicts)]
        row = self.row()
        if rng.random() < self._new:
            return ["new", *row, self.value(row)]
        word = rng.choice(["set", "set", "delete"])
        if row[0] != "playlist" and rng.random() > self._plain:
            word = rng.choice(["add", "insert", "remove"])
        if word == "set":
            return [word, *row, self.value(row)]
        if word == "delete":
            return [word, *row]
        if word == "add":
            return [word, *row, rng.choice(self._adds)]
        return [word, *row, rng.choice(TEXTS)]

    def _condition(self) -> Any:
        rng = self._rng
        row = self.row()
        if rng.random() < self._queries:
            return self._query(row)
        word = rng.choice(["is", "absent", "present", "meets"])
        if word == "is":
            return [word, *row, self.value(row)]
        if word in ("absent", "present"):
            return [word, *row]
        return [word, *row, self._where()]

    def _query(self, row: Row) -> Any:
        rng = self._rng
        prefix = row[1][: rng.choice([0, 0, 1, 2, len(row[1])])]
        return [
            rng.choice(["atmost", "atleast"]),
            rng.choice([0, 0, 0, 1, 1, 2]),
            row[0],
            prefix,
            self._where(),
        ]

    def _where(self) -> Any:
        return [self._rng.choice(self._wheres) for _ in range(self._rng.choice([0, 1, 1, 1, 1, 2]))]

    def _made_where(self) -> Any:
        rng = self._rng
        scalar = rng.choice(self._scalars) if rng.random() < 0.97 else rng.choice(TEXTS)
        return [rng.choice(self._fields), rng.choice(OPERATORS), scalar]


def scalars_of(values: Iterable[Any]) -> list[Any]:
    """Return the scalars that these values are, or have in their fields."""
    found = []
    for value in values:
        parts = value.values() if type(value) is dict else [value]
        found += [each for each in parts if type(each) in (str, int, float, bool)]
    return found


class History:
    """Replicas, and beside them what each of them has to know; ``order`` is the one order of commitment."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.rng = rng = random.Random(f"general writes {seed}")
        self.narrow = seed % 2 == 0
        self.bodies = Bodies(rng, narrow=self.narrow)
        self.order: list[Write] = []
        self.prefixes = [State()]
        self.replicas: list[Replica] = []
        self.known: dict[Name, dict[tuple[int, Name], Write]] = {}
        self.digests: dict[int, str] = {}
        self.told: list[str] = []
        self._walks = rng.random() < 0.5
        self.steps = {**STEPS, "mark": rng.choice([0, 0, 1, 3])}
        self._plain = rng.choice([0.15, 0.3, 0.5])
        if rng.random() < 0.5:
            self.steps.update({"fold": 0, "truncate": 0})
        self.steps["retire"] = rng.choice([0, 0, 0.5])
        self._whole = rng.choice([0.1, 0.5])
        self._apart = rng.choice([0, 8, 16])  # so much is accepted before anybody hears of anything
        self._to_primary = rng.choice([0.1, 0.3])
        self._short = rng.choice([0, 2, SHORT])
        self._begin(Replica(ROOT, short_max=self._short))
        for _ in range(rng.choice([1, 2, 2, 3, 3, 3])):
            self._create()

    # What happens.

    def run(self) -> None:
        """Let it happen, and compare after each step. What is wrong is told with all steps before it."""
        try:
            for _ in range(self._apart):
                self._accept(self._other())
            for _ in range(self.rng.randint(10, 50)):
                self._step()
        except (AssertionError, BayouError, LookupError, TypeError, ValueError) as error:
            raise Mismatch(
                "\n".join([f"seed {self.seed}:", *self.told, f"{type(error).__name__}: {error}"])
            ) from error

    def _step(self) -> None:
        rng = self.rng
        word = rng.choices(list(self.steps), list(self.steps.values()))[0]
        replica = rng.choice(self.replicas)
        if word == "accept":
            self._accept(self._primary if rng.random() < self._to_primary else self._other())
        elif word == "tell" and len(self.replicas) > 1:
            sender, receiver = rng.sample(self.replicas, 2)
            self._tell(sender, receiver, part=rng.random() > self._whole)
        elif word == "mark":
            self._note(self._primary, "marks", Replica.mark, marks=True)
        elif word == "create" and len(self.replicas) < REPLICAS_MAX:
            self._create()
        elif word == "retire" and len(self.replicas) > 2:
            self._retire(replica)
        elif word == "fold":
            upto = rng.choice([None, rng.randint(0, replica.csn)])
            self._note(replica, f"folds {upto}", lambda each: each.fold(upto))
        elif word == "truncate":
            upto = rng.randint(0, replica.csn)
            self._note(replica, f"truncates {upto}", lambda each: each.truncate(upto))

    @property
    def _primary(self) -> Replica:
        """There is always one: who retires hands its duty over in the same step."""
        return next(each for each in self.replicas if each.is_primary)

    def _other(self) -> Replica:
        """Return one that is not the primary, where there is one."""
        return self.rng.choice([each for each in self.replicas if not each.is_primary] or self.replicas)

    def _accept(self, replica: Replica) -> None:
        if self.rng.random() < self._plain:
            self._put_or_delete(replica)
        else:
            self._change(replica)

    def _change(self, replica: Replica) -> None:
        plain = self.bodies.body()
        body = made_body(plain)
        if body_of(body.text) != body or body.text != written(plain):
            raise Mismatch(f"a body is not its text: {body.text}")
        self._note(replica, f"accepts {body.text}", lambda each: each.change(body), marks=True)

    def _put_or_delete(self, replica: Replica) -> None:
        row = self.bodies.row()
        if self.rng.random() < 0.7:
            value = written(self.bodies.value(row))
            self._note(replica, f"puts {row} {value}", lambda each: each.put(*row, Value(value)), marks=True)
        else:
            self._note(replica, f"deletes {row}", lambda each: each.delete(*row), marks=True)

    def _create(self) -> None:
        creator = self.rng.choice(self.replicas)
        creation: list[Write] = []

        def create(replica: Replica) -> Write:
            creation.append(replica.create())
            return creation[0]

        self._note(creator, "creates", create, marks=True)
        newcomer = Replica(creation[0].created, short_max=self._short)
        self._begin(newcomer)
        self._tell(creator, newcomer, part=False)

    def _retire(self, replica: Replica) -> None:
        heir = self.rng.choice([each for each in self.replicas if each is not replica])
        self._note(
            replica,
            f"retires, {heir.name} takes over",
            lambda each: each.retire(heir.name if each.is_primary else None),
            marks=True,
        )
        self._tell(replica, heir, part=False)
        self.replicas.remove(replica)

    def _begin(self, replica: Replica) -> None:
        self.replicas.append(replica)
        self.known[replica.name] = {}

    def _tell(self, sender: Replica, receiver: Replica, *, part: bool) -> None:
        rng = self.rng
        if sender.past.omitted_csn > receiver.csn or (sender.past.base.csn and rng.random() < 0.1):
            self._note(receiver, f"takes the base of {sender.name}", lambda each: self._base(sender, each))
        if sender.past.omitted_csn > receiver.csn:
            return
        items = sender.beyond(receiver.csn, receiver.vector)
        stop = min(len(items), rng.choice([1, 1, 1, 2, 3, rng.randint(0, 20)])) if part else len(items)
        items = items.slice(0, stop)
        words = f"hears {stop} of {sender.name}: {items.committed} {items.tentative}"
        self._note(receiver, words, lambda each: each.apply(items), [*items.committed, *items.tentative])

    def _base(self, sender: Replica, receiver: Replica) -> None:
        receiver.drop_incoming()
        while True:
            incoming = receiver.past.incoming
            chunk, end = sender.base_chunk(
                receiver.csn, None if incoming is None else incoming.position, 3, 1 << 20
            )
            if not receiver.receive_base(chunk):
                raise Mismatch("a chunk of a base was turned down")
            if end is not None:
                receiver.install(end)
                return

    # What has to be.

    def _note(
        self,
        replica: Replica,
        words: str,
        step: Callable[[Replica], object],
        heard: Iterable[Write] = (),
        *,
        marks: bool = False,
    ) -> None:
        """Carry out one step of a replica, in which it hears of writes or accepts the one that is returned,
        bring what it has to know up to date, and compare. The primary ``marks`` all that it has; who
        becomes the primary always does."""
        self.told.append(f"{replica.name} {words}")
        was_primary = replica.is_primary
        returned = step(replica)
        known = self.known[replica.name]
        for write in [*heard, *([returned] if isinstance(returned, Write) else [])]:
            if write.kind != NOTICE:
                known[write.place] = write
        if (marks and was_primary) or (replica.is_primary and not was_primary):
            self.order += self._tentative(replica)
        for write in self.order[: replica.csn]:
            known.setdefault(write.place, write)
        self._compare(replica)

    def _tentative(self, replica: Replica) -> list[Write]:
        stop = None if replica.is_primary else replica.csn
        committed = {write.place for write in self.order[:stop]}
        known = self.known[replica.name]
        return [known[place] for place in sorted(known) if place not in committed]

    def _compare(self, replica: Replica) -> None:
        replica.check()
        if replica.is_primary and replica.csn != len(self.order):
            raise Mismatch(f"the primary has committed {replica.csn} of {len(self.order)} writes")
        while len(self.prefixes) <= replica.csn:
            last = self.prefixes[-1]
            self.prefixes.append(last.after(self.order[len(self.prefixes) - 1], committed=True))
        committed = self.prefixes[replica.csn]
        tentative = self._tentative(replica)
        if list(replica.log.tentative) != tentative:
            raise Mismatch(f"tentative is {list(replica.log.tentative)}, where {tentative} should be")
        full = replayed(committed, tentative, committed=False)
        self.bodies.conflicts = [key for collection, key in full.values if collection == "!conflicts"]
        compare_view(replica, committed, committed_only=True, walks=self._walks)
        compare_view(replica, full, committed_only=False, walks=self._walks)
        base, omitted = replica.past.base.csn, replica.past.omitted_csn
        compare_outcomes(replica, self.order[base : replica.csn], committed)
        compare_outcomes(replica, tentative, full)
        for csn in range(omitted + 1, base + 1):
            compare_result(self.order[csn - 1], replica.past.result(csn), committed)
        for csn, write in enumerate([*self.order[: replica.csn], *tentative], start=1):
            if csn > omitted:
                compare_result(write, result_of(replica, write), full)
            elif result_of(replica, write) is not None:
                raise Mismatch(f"{write} is omitted, and its outcome is told")
        digest = self.digests.setdefault(replica.csn, replica.database.digest)
        if digest != replica.database.digest:
            raise Mismatch(f"two digests of the outcomes up to {replica.csn}")


def compare_outcomes(replica: Replica, writes: Iterable[Write], state: State) -> None:
    """Mismatch unless the general writes among these came to what the twin says."""
    for write in writes:
        compare_result(write, replica.database.result(write), state)


def result_of(replica: Replica, write: Write) -> tuple[int, tuple[Row, ...]] | None:
    """Return what a replica tells a session of a general write; None where it has nothing to tell."""
    told = standing(replica, *write.place)
    parts = iter(told.rows)
    return None if told.outcome is None else (told.outcome, tuple(zip(parts, parts, strict=True)))


def compare_result(write: Write, result: tuple[int, tuple[Row, ...]] | None, state: State) -> None:
    """Mismatch unless a write came to this, and changed these rows; None where it is no general write."""
    wanted = (state.outcomes[write.place], state.changed[write.place]) if write.kind == CHANGE else None
    if (None if result is None else (result[0], sorted(result[1]))) != wanted:
        raise Mismatch(f"{write} came to {result}, where {wanted} should be")


def compare_view(replica: Replica, state: State, *, committed_only: bool, walks: bool) -> None:
    """Mismatch unless a replica shows what the twin does: walking through all rows, or asking for each row
    that there ever was (so that nothing here puts keys in order)."""
    wanted = state.cells()
    view = "committed" if committed_only else "full"
    if not walks:
        for row in sorted(state.givers):
            compare_row(view, row, replica.row(*row, committed_only=committed_only), wanted.get(row))
        return
    collections = sorted({collection for collection, _ in wanted})
    shown_collections = replica.collections(committed_only=committed_only)
    if shown_collections != [each for each in collections if each != "!conflicts"]:
        raise Mismatch(f"the {view} view has the collections {shown_collections}, not {collections}")
    for collection in dict.fromkeys([*collections, "!conflicts"]):
        shown = list(replica.rows(collection, committed_only=committed_only))
        keys = [key for its, key in wanted if its == collection]
        if [each[0] for each in shown] != keys:
            raise Mismatch(f"the {view} view shows {shown} in {collection}, where {keys} should be")
        for each in shown:
            compare_row(view, (collection, each[0]), each, wanted[collection, each[0]])


def compare_row(view: str, row: Row, seen: Any, wanted: Cell | None) -> None:
    """Mismatch unless a row is shown as the twin has it. Of a row of the base nobody knows who gave it."""
    if wanted is None or seen is None:
        if seen is not None or wanted is not None:
            raise Mismatch(f"the {view} view shows {seen} as {row}, where {wanted} should be")
        return
    key, value, committed, place = seen
    if (key, value, committed) != (row[1], wanted.value, wanted.committed) or (
        place is not None and place != wanted.place
    ):
        raise Mismatch(f"the {view} view shows {seen} as {row}, where {wanted} should be")


def failure_of(seed: int) -> str | None:
    """Return what is wrong with a history, if anything."""
    try:
        History(seed).run()
    except Mismatch as wrong:
        return str(wrong)
    return None


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.writes_histories")
    parser.add_argument("--histories", type=int, default=1000, help="how many (default: 1000)")
    parser.add_argument("--seed", type=int, default=0, help="the first one (default: 0)")
    parser.add_argument("-j", "--jobs", type=int, default=1, help="in so many processes (default: 1)")
    options = parser.parse_args()
    seeds = range(options.seed, options.seed + options.histories)
    failed = 0
    if options.jobs > 1:
        with ProcessPoolExecutor(options.jobs) as pool:
            failed = report(seeds, pool.map(failure_of, seeds, chunksize=20))
    else:
        failed = report(seeds, map(failure_of, seeds))
    print(f"{len(seeds):,} histories from seed {options.seed}, {failed:,} wrong")
    return 1 if failed else 0


def report(seeds: range, failures: Iterable[str | None]) -> int:
    """Print what failed; return how many did. Progress goes to standard error, where somebody looks on."""
    failed = 0
    shows = sys.stderr.isatty()
    for done, failure in enumerate(failures, start=1):
        if failure is not None:
            failed += 1
            print(failure if failed <= 3 else failure.splitlines()[0], flush=True)
        if shows and done % 50 == 0:
            print(f"\r{done:,} of {len(seeds):,}, {failed:,} wrong", end="", file=sys.stderr, flush=True)
    if shows:
        print(file=sys.stderr)
    return failed


if __name__ == "__main__":
    sys.exit(main())
