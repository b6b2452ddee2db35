"""``bayou paxos``: one decree by proposers, acceptors and learners."""

from __future__ import annotations

import argparse
import os

from bayou._arguments import seconds
from bayou._statuses import EXIT_DEADLINE, EXIT_FAILED, EXIT_OUTPUT_CLOSED, EXIT_WRONG
from bayou.core.errors import BayouError
from bayou.decree.plan import MACHINES, NODES_MAX, Hopeless, Plan, Wish, check_value, parse_wish

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bayou.decree.hosts import Hosts
    from bayou.worlds.world import World

EPILOG = """\
exit status: 0 when all is told, 1 when something failed, 2 on a wrong option or a wrong file of hosts,
3 when nothing can be decided any more, or not within the deadline, 141 when nobody reads the output.
"""
NODE_EPILOG = """\
exit status: 0 when a client has stopped it, 1 when something failed, what is to be durable above all,
2 on a wrong option or a wrong file of hosts.
"""
DEFAULTS = {"proposers": 2, "acceptors": 3, "learners": 1}
DELAY_S = 0.05
"""By how much messages of the simulated world are late at most, so that seeds differ in who is first."""


def decide(arguments: Sequence[str], prog: str = "bayou paxos decide") -> int:
    """Run nodes and clients; return the exit status."""
    does = "Run nodes and clients, and print what each client is told, as CLIENT: VALUE."
    return _run(_parser(prog, does, _add_decide), arguments, _decide)


def node(arguments: Sequence[str], prog: str = "bayou paxos node") -> int:
    """Be a node; return the exit status."""
    does = "Be one node of a file of hosts, until a client stops it."
    return _run(_parser(prog, does, _add_node), arguments, _node)


def client(arguments: Sequence[str], prog: str = "bayou paxos client") -> int:
    """Be a client; return the exit status."""
    does = "Be one client of a file of hosts, and print what it is told, as CLIENT: VALUE."
    return _run(_parser(prog, does, _add_client), arguments, _client)


def _run(
    parser: argparse.ArgumentParser,
    arguments: Sequence[str],
    work: Callable[[argparse.ArgumentParser, argparse.Namespace], int],
) -> int:
    from bayou.decree.hosts import HostsError
    from bayou.decree.secret import SecretError
    from bayou.script.console import OutputClosed, complain

    given = parser.parse_args(arguments)
    try:
        return work(parser, given)
    except (HostsError, SecretError) as error:
        complain(f"{parser.prog}: {error}")
        return EXIT_WRONG
    except BayouError as error:
        complain(f"{parser.prog}: {error}")
        return EXIT_FAILED
    except OSError as error:
        complain(f"{parser.prog}: {error.strerror or error}")
        return EXIT_FAILED
    except OutputClosed:
        return EXIT_OUTPUT_CLOSED


# What the command line can be.


def _parser(prog: str, does: str, add: Callable[[argparse.ArgumentParser], None]) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog=prog, description=does, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add(made)
    return made


def _add_decide(parser: argparse.ArgumentParser) -> None:
    for role, count in DEFAULTS.items():
        parser.add_argument(
            f"--{role}", type=_count, metavar="N", help=f"how many {role} there are (default: {count})"
        )
    parser.add_argument(
        "--value", type=_wish, action="append", required=True, metavar="V[@P]", dest="wishes",
        help="what a client wants decided, and which proposer it asks first, counted from 0, modulo how many "
        "there are (default: the client's place); once for each client",
    )  # fmt: skip
    parser.add_argument(
        "--kill", type=int, action="append", default=[], metavar="ID",
        help="let this node end when its first Prepare, proposal or Accepted arrives; may be repeated",
    )  # fmt: skip
    _add_times(parser)
    parser.add_argument(
        "--world", choices=("processes", "sim"), default="processes",
        help="real processes over TCP (the default), or simulated in one process",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="the seed of the simulated world (default: 0)"
    )
    _add_hosts(parser, is_needed=False)


def _add_node(parser: argparse.ArgumentParser) -> None:
    parser.epilog = NODE_EPILOG
    _add_hosts(parser, is_needed=True)
    parser.add_argument("id", type=int, metavar="ID", help="which node: 0 for the first con line")
    parser.add_argument(
        "--data", metavar="DIR", help="where its state is kept (default: FILE.d/ID); no other node's"
    )


def _add_client(parser: argparse.ArgumentParser) -> None:
    _add_hosts(parser, is_needed=True)
    parser.add_argument(
        "id", type=int, metavar="ID", help="which client: ids go on where those of the nodes end"
    )
    parser.add_argument("value", metavar="VALUE", help="what it wants decided")
    parser.add_argument(
        "desired", type=_place, nargs="?", metavar="DESIREDPROPOSER",
        help="which proposer it asks first, counted from 0, modulo how many there are (default: the client's "
        "place)",
    )  # fmt: skip
    parser.add_argument("--stop", action="store_true", help="then end all nodes")
    parser.add_argument(
        "--watch", action="store_true", help="show every Accepted that learners hear on standard error"
    )
    _add_times(parser)


def _add_times(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--timeout", type=seconds, default=0.5, metavar="S",
        help="how long a proposer may be silent before a client goes on to the next one (default: 0.5)",
    )  # fmt: skip
    parser.add_argument(
        "--deadline", type=seconds, default=30.0, metavar="S",
        help="how long all of it may take before it ends with exit status 3 (default: 30)",
    )  # fmt: skip


def _add_hosts(parser: argparse.ArgumentParser, *, is_needed: bool) -> None:
    more = "" if is_needed else "; nodes whose place is free on this host are started, the others awaited"
    parser.add_argument(
        "--hosts", required=is_needed, metavar="FILE", help=f"where nodes and clients are{more}"
    )
    parser.add_argument(
        "--secret-file", metavar="FILE",
        help="the secret that all prove to each other, made by whoever starts first, to be copied to other "
        "hosts (default: the file of hosts with -secret behind its name)",
    )  # fmt: skip


# What is done.


def _decide(parser: argparse.ArgumentParser, given: argparse.Namespace) -> int:
    hosts = _hosts_to_decide(parser, given)
    if hosts is None:
        sizes = [getattr(given, role) or count for role, count in DEFAULTS.items()]
    else:
        sizes = [hosts.proposers, hosts.acceptors, hosts.learners]
    plan = Plan(sizes[0], sizes[1], sizes[2], tuple(given.wishes), tuple(given.kill), given.timeout)
    if plan.nodes > NODES_MAX:
        parser.error(f"{plan.nodes} nodes are too many: {NODES_MAX} at most")
    for id in plan.kills:
        if not 0 <= id < plan.nodes:
            parser.error(f"--kill {id}: there is no such node; their ids are 0 to {plan.nodes - 1}")
    if hosts is None:
        return _decide_in_world(parser, given, plan)
    return _decide_on_hosts(parser, given, plan, hosts)


def _hosts_to_decide(parser: argparse.ArgumentParser, given: argparse.Namespace) -> Hosts | None:
    """Read the file of hosts, if there is one, and see that it fits the rest of the command line."""
    from bayou.decree.hosts import HostsError, read_hosts

    if given.hosts is None:
        if given.secret_file is not None:
            parser.error("--secret-file goes with --hosts")
        return None
    if given.world == "sim":
        parser.error("--hosts goes with real processes, not with --world sim")
    hosts = read_hosts(given.hosts)
    for role in DEFAULTS:
        asked, there = getattr(given, role), getattr(hosts, role)
        if asked is not None and asked != there:
            raise HostsError(f"{given.hosts}: {there} {role}, but --{role} {asked}; leave the option out")
    if len(hosts.clients) != len(given.wishes):
        raise HostsError(
            f"{given.hosts}: {len(hosts.clients)} cli lines, but {len(given.wishes)} --value; "
            "let them be as many"
        )
    return hosts


def _decide_in_world(parser: argparse.ArgumentParser, given: argparse.Namespace, plan: Plan) -> int:
    from bayou.decree.decide import Decision
    from bayou.master.main import Ending
    from bayou.script.console import complain
    from bayou.worlds.world import DeadlineExceeded

    ending = Ending()
    ending.heed_signals()
    try:
        ending.world = world = _make_world(given)
        decision = Decision(world, plan, _progress(parser.prog))
        decision.run()
    except (Hopeless, DeadlineExceeded) as error:
        complain(f"{parser.prog}: {error}")
        return EXIT_DEADLINE
    finally:
        ending.close()
    _print(decision.told)
    return 0


def _decide_on_hosts(
    parser: argparse.ArgumentParser, given: argparse.Namespace, plan: Plan, hosts: Hosts
) -> int:
    from bayou.decree.gathering import Gathering
    from bayou.decree.secret import secret_in
    from bayou.master.main import Ending
    from bayou.script.console import complain

    gathering = Gathering(hosts, secret_in(_secret_file(given)), plan, _progress(parser.prog))
    ending = Ending()
    ending.world = gathering  # type: ignore[assignment]  # all that it does with a world is to close it
    ending.heed_signals()
    try:
        gathering.run(given.deadline)
    except Hopeless as error:
        complain(f"{parser.prog}: {error}")
        return EXIT_DEADLINE
    finally:
        ending.close()
    _print(gathering.told)
    return 0


def _node(parser: argparse.ArgumentParser, given: argparse.Namespace) -> int:
    from bayou.decree.hosts import read_hosts
    from bayou.decree.secret import secret_in
    from bayou.decree.serving import plan_of, serve

    hosts = read_hosts(given.hosts)
    if not 0 <= given.id < len(hosts.nodes):
        parser.error(f"there is no node {given.id}; the ids in {given.hosts} are 0 to {len(hosts.nodes) - 1}")
    what = plan_of(hosts, (), (), 0.0).node(given.id)
    serve(hosts, secret_in(_secret_file(given)), given.id, what, given.data or f"{given.hosts}.d/{given.id}")
    return 0


def _client(parser: argparse.ArgumentParser, given: argparse.Namespace) -> int:
    from bayou.decree.hosts import read_hosts
    from bayou.decree.secret import secret_in
    from bayou.decree.serving import Asking, plan_of
    from bayou.script.console import complain

    hosts = read_hosts(given.hosts)
    first, last = len(hosts.nodes), len(hosts.nodes) + len(hosts.clients) - 1
    if not first <= given.id <= last:
        there = f"are {first} to {last}" if hosts.clients else "are none: it has no cli line"
        parser.error(f"there is no client {given.id}; the ids of clients in {given.hosts} {there}")
    try:
        check_value(given.value)
    except ValueError as error:
        parser.error(str(error))
    wish = Wish(given.value, given.desired)
    plan = plan_of(hosts, (wish,) * len(hosts.clients), (), given.timeout)
    watch = complain if given.watch else None
    asking = Asking(hosts, secret_in(_secret_file(given)), given.id, plan, watch=watch)
    try:
        value = asking.run(given.deadline)
        if value is not None:
            _print({given.id: value})
        else:
            complain(f"{parser.prog}: not told a value within {given.deadline:g} s: {asking.waits}")
        if given.stop:
            for id in asking.stop_nodes():
                complain(f"{parser.prog}: node {id} was not reached, and goes on if it runs")
    finally:
        asking.close()
    return EXIT_DEADLINE if value is None else 0


def _secret_file(given: argparse.Namespace) -> str:
    return given.secret_file or f"{given.hosts}-secret"


def _make_world(given: argparse.Namespace) -> World:
    from bayou.worlds.world import WorldSettings

    settings = WorldSettings(given.deadline, machines=MACHINES)
    if given.world == "sim":
        from bayou.worlds.simulated import SimulatedWorld
        from bayou.worlds.weather import Faults

        world = SimulatedWorld(settings, seed=given.seed)
        world.suffer(None, None, Faults(delay_s=DELAY_S))
        return world
    from bayou.worlds.processes.world import ProcessWorld

    return ProcessWorld(settings)


def _print(told: dict[int, str]) -> None:
    """Print what each client was told. OutputClosed where nobody reads it."""
    from bayou.script.console import write_all

    lines = [f"{client}: {value}\n" for client, value in sorted(told.items())]
    write_all(1, "".join(lines).encode("utf-8", "surrogateescape"))


def _progress(prog: str) -> Callable[[str], None]:
    """Return what takes lines about how far it is: to standard error, and on a terminal only."""
    from bayou.script.console import complain

    return (lambda line: complain(f"{prog}: {line}")) if os.isatty(2) else (lambda line: None)


def _count(text: str) -> int:
    try:
        count = int(text)
    except ValueError:
        count = 0
    if not 1 <= count <= NODES_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {NODES_MAX}")
    return count


def _place(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is no place of a proposer: they are counted from 0")
    return int(text)


def _wish(text: str) -> Wish:
    try:
        return parse_wish(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
