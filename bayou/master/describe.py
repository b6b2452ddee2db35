"""All text that is compared with golden files."""

from __future__ import annotations

from bayou.core.write import DELETE, PUT
from bayou.node.messages import REFUSED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from bayou.node.messages import Did, LogPage


def describe_log(page: LogPage) -> Iterator[str]:
    """Give a line for each put and delete of a piece of a log.

    >>> from bayou.core.name import ROOT
    >>> from bayou.core.write import Write
    >>> from bayou.node.messages import LogPage
    >>> writes = (Write(1, ROOT, PUT, "a", "u"), Write(2, ROOT, DELETE, "a", None))
    >>> list(describe_log(LogPage(writes, 1, 2)))
    ['PUT:(a, u):TRUE', 'DELETE:(a):FALSE']
    """
    for at, write in enumerate(page.writes):
        stable = "TRUE" if at < page.committed else "FALSE"
        if write.kind == PUT:
            yield f"PUT:({write.song}, {write.value}):{stable}"
        elif write.kind == DELETE:
            yield f"DELETE:({write.song}):{stable}"


def describe_get(song: str, did: Did) -> str:
    """Return the line that a get prints.

    >>> from bayou.node.messages import OK, Did
    >>> describe_get("a", Did(OK, "u")), describe_get("a", Did(OK, None))
    ('a:u', 'a:ERR_KEY')
    >>> describe_get("a", Did(REFUSED, None))
    'a:ERR_DEP'
    """
    if did.verdict == REFUSED:
        return f"{song}:ERR_DEP"
    return f"{song}:{did.url}" if did.url is not None else f"{song}:ERR_KEY"
