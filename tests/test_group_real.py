"""The product's replicas and votes do in random histories what the model of the commit group does."""

from __future__ import annotations

import os

import pytest

from bayou.core.values import canonical
from bayou.core.vector import START
from bayou.core.votes import Decree, Vote
from bayou.node.voting import Voting
from tests import group_campaign
from tests.group_both import Both, RealRun, RealWorld, run_real
from tests.group_campaign import run_one
from tests.group_driver import Run
from tests.group_real_bugs import REAL_BUGS, planted
from tests.group_rules import Broken, Rules
from tests.group_runs import RUNS
from tests.test_group_bugs import Member

SEEDS = int(os.environ.get("BAYOU_TEST_GROUP_REAL_SEEDS", "150"))
CAMPAIGN = 10_000
SEEN = (
    "crashes in the middle of a step",
    "exchanges broken off in the middle of a decree",
    "bases taken over",
    "bases for which two leaders proposed",
    "group writes that count",
    "group writes that do not",
    "servers gone",
)


def test_a_sample_of_the_campaign_finds_no_difference() -> None:
    outcomes = group_campaign.run_batch(0, SEEDS, None, real=True)
    assert [(each.seed, each.problem) for each in outcomes if each.problem] == []
    assert [what for what in SEEN if not any(each.seen[what] for each in outcomes)] == []


@pytest.mark.campaign
def test_a_campaign_finds_no_difference() -> None:
    assert group_campaign.campaign(1_000_000, CAMPAIGN, None, os.cpu_count() or 1, real=True) == 0


@pytest.mark.parametrize("run", sorted(RUNS))
def test_a_directed_run_goes_as_in_the_model(run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Run, "world_type", RealWorld)
    RUNS[run](Rules())


@pytest.mark.parametrize("bug", sorted(REAL_BUGS))
def test_a_random_history_finds_a_bug_planted_in_the_product(bug: str) -> None:
    seed = REAL_BUGS[bug].seed
    assert run_real(seed).problem == ""
    with planted(bug):
        assert run_real(seed).problem != ""
    assert run_real(seed).problem == ""


def test_a_write_that_the_product_alone_has_is_a_difference() -> None:
    run = RealRun(3, Rules())
    server = run.world.servers[0]
    assert isinstance(server, Both)
    server.real.replica.put("c", "k", canonical(1, 0))
    with pytest.raises(Broken, match="the model stands at"):
        run.world.done(server)


def test_a_row_that_the_product_has_wrong_is_a_difference() -> None:
    run = RealRun(3, Rules())
    server = run.world.servers[0]
    assert isinstance(server, Both)
    write = run.world.put(server)
    server.settle()
    run.world.done(server)
    server.check()
    server.writes[write] = server.writes[write]._replace(value=canonical(7, 0))
    with pytest.raises(Broken, match="has the rows"):
        server.check()


def test_the_command_plants_bugs_of_the_product(capsys: pytest.CaptureFixture[str]) -> None:
    assert group_campaign.main(["--real", "--seeds", "10", "--bug", "half is enough"]) == 1
    assert "seed 0: " in capsys.readouterr().out
    assert group_campaign.main(["--real", "--seeds", "3"]) == 0
    with pytest.raises(SystemExit):
        group_campaign.main(["--real", "--bug", "nobody consents"])


def test_a_decree_that_says_nothing_is_passed_over() -> None:
    """Peers make none; one that does must not keep this server busy for ever."""
    member = Member()
    voting = Voting(member)
    voting.settle()
    member.replica.take_journal()
    epoch, boundary = member.replica.epoch, member.replica.boundary
    nothing = Decree(1, member.others[0], boundary, START)
    voting.take_in(tuple([Vote(other, epoch, 1, member.others[0], nothing) for other in member.others]))
    assert (member.replica.boundary, member.replica.csn) == (boundary, boundary)
    assert member.replica.take_journal() == []
    assert len(member.replica.log.tentative) == 1


def test_an_older_base_without_rows_takes_the_place_of_a_newer_one_that_has_only_begun() -> None:
    """The sender of the newer one is gone. One history in 20,000 came to that."""
    assert run_one(919415, None, real=True).problem == ""
