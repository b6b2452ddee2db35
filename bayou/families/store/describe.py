"""All text that is compared with golden files."""

from __future__ import annotations

from bayou.core.rows import PLAYLIST
from bayou.core.values import text_of
from bayou.core.write import CHANGE, DELETE, PUT
from bayou.node.messages import REFUSED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from bayou.node.asks import Standing, Version
    from bayou.node.messages import Did, LogPage


def describe_log(page: LogPage) -> Iterator[str]:
    """Give a line for each put, delete and general write of a piece of a log: of the playlist song and URL,
    of others the row and its value in canonical form.

    >>> from bayou.core.name import ROOT
    >>> from bayou.core.values import to_value
    >>> from bayou.core.write import Write
    >>> from bayou.node.messages import LogPage
    >>> url = to_value("u")
    >>> puts = Write(1, ROOT, PUT, PLAYLIST, "a", url), Write(2, ROOT, PUT, "n", "b", url)
    >>> list(describe_log(LogPage((*puts, Write(3, ROOT, DELETE, PLAYLIST, "a", None)), 2, 3)))
    ['PUT:(a, u):TRUE', 'PUT:(n/b, "u"):TRUE', 'DELETE:(a):FALSE']
    """
    outcomes = iter(page.outcomes)
    for at, write in enumerate(page.writes):
        stable = _truth(at < page.committed)
        row = write.key if write.collection == PLAYLIST else f"{write.collection}/{write.key}"
        if write.kind == PUT:
            value = write.value
            text = text_of(value) if write.collection == PLAYLIST else value  # type: ignore[arg-type]
            yield f"PUT:({row}, {text}):{stable}"
        elif write.kind == DELETE:
            yield f"DELETE:({row}):{stable}"
        elif write.kind == CHANGE:
            from bayou.core.body import body_of
            from bayou.core.execute import outcome_words

            name = body_of(write.value).name  # type: ignore[arg-type]
            yield f"WRITE:({name}, {outcome_words(next(outcomes))}):{stable}"


def describe_outcome(standing: Standing) -> str:
    """Return what came of a general write in words, and whether that is final. Of one that is no longer in
    the log it is known whether it stands in the error log: done, if it does not.

    >>> from bayou.node.asks import Standing
    >>> describe_outcome(Standing("committed", None)), describe_outcome(Standing("tentative", None, 2))
    ('done:TRUE', 'merged 2:FALSE')
    """
    from bayou.core.execute import outcome_words
    from bayou.core.replica import COMMITTED

    words = "conflict" if standing.is_conflict else "done"
    if standing.outcome is not None:
        words = outcome_words(standing.outcome)
    return f"{words}:{_truth(standing.state == COMMITTED)}"


def describe_row(row: Version) -> str:
    """Return the line that shows a row, which is there.

    >>> from bayou.node.asks import Version
    >>> describe_row(Version("n", "a", '"7"', 0, True, 0, None))  # type: ignore[arg-type]
    'n/a:"7":TRUE'
    """
    from bayou.families.store.phrases import word_of_value

    value = "" if row.value is None else word_of_value(row.collection, row.value)
    return f"{row.collection}/{row.key}:{value}:{_truth(row.is_committed)}"


def describe_conflict(row: Version) -> str:
    """Return the line that shows a row of the error log."""
    from bayou.core.body import body_of

    return f"CONFLICT:({body_of(row.value or '').name}):{_truth(row.is_committed)}"


def _truth(value: bool) -> str:
    return "TRUE" if value else "FALSE"


def describe_get(song: str, did: Did) -> str:
    """Return the line that a get prints.

    >>> from bayou.node.messages import OK, Did
    >>> from bayou.core.values import to_value
    >>> describe_get("a", Did(OK, to_value("u"))), describe_get("a", Did(OK, None))
    ('a:u', 'a:ERR_KEY')
    >>> describe_get("a", Did(REFUSED, None))
    'a:ERR_DEP'
    """
    if did.verdict == REFUSED:
        return f"{song}:ERR_DEP"
    return f"{song}:{text_of(did.value)}" if did.value is not None else f"{song}:ERR_KEY"
