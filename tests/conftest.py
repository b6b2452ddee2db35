"""Settings for all tests."""

from __future__ import annotations

import os
import signal
import zlib
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

from tests.slow import SLOW

# Examples differ from run to run, so that tests go on looking; a failure prints how to repeat it. No test
# is judged by the clock.
settings.register_profile(
    "default", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.register_profile("few", settings.get_profile("default"), max_examples=20)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


KEPT_IN = 6
SAMPLED = (
    "test_consensus_", "test_locks_run", "test_chat_", "test_decree", "test_lock_kills", "test_storage_",
    "test_running", "test_exhaustive_log", "test_explore_log",
)  # fmt: skip
SAMPLED_SCENARIOS = ("[chat-", "[group-", "[locks-", "[write-", "test_every_planted_bug_is_found[")
"""Of the tests of consensus, of scenarios with general writes and with commit groups, and of the bugs that
are planted, one in KEPT_IN is run each time, always the same; all are with -m campaign or with ``-m ''``.
They are in files that begin with one of SAMPLED, or their names have one of these in them."""

SAMPLED_LASTING = (
    "test_serve", "test_replica_file_crashes", "test_replica_file_damage", "test_library_sync",
    "test_library_sessions", "test_kept_scenarios", "test_durable_", "test_examples_offline",
    "test_examples_pages", "test_examples_notebook", "test_examples_shared_list", "test_functions_servers",
    "test_group_files",
    "test_planted_bugs", "test_check_processes", "test_explore_interrupted", "test_explore_command",
    "test_prompt", "test_given_up", "test_faults_ended", "test_tester_interrupts", "test_tester_answers",
    "test_library_commands", "test_log_campaign", "test_paxos_bugs", "test_functions_given", "test_kills",
    "test_free_running", "test_wire_attack", "test_processes", "test_golden",
)  # fmt: skip
KEPT_IN_LASTING = 3
"""The like for tests of servers that last, and of others that start processes, or plant bugs. (The golden
scenarios are run in both worlds before the tests: .ci/run.)"""

ALWAYS = ("test_the_page_in_a_browser", "test_every_command_of_the_page", "test_random_scenarios_")
"""What is run whatever file it is in."""

SELDOM = ("[a base's vector alone]", "[an echo answered afresh]")
"""What takes longer than all others of its kind."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave most of what takes long to campaigns: what is run after each change has to be done in minutes."""
    for item in items:
        is_many = item.path.name.startswith(SAMPLED) or any(kind in item.nodeid for kind in SAMPLED_SCENARIOS)
        lasts = item.path.name.startswith(SAMPLED_LASTING)
        kept_in = KEPT_IN if is_many else KEPT_IN_LASTING if lasts else 1
        if item.name.startswith(ALWAYS):
            kept_in = 1
        if item.nodeid.removeprefix("tests/").split("[")[0] in SLOW:
            item.add_marker("slow")
        if zlib.crc32(item.nodeid.encode()) % kept_in or item.name.endswith(SELDOM):
            item.add_marker("campaign")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """What a test that runs a whole command in this process does to signals ends with it: the processes that
    later tests start would inherit it."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        return (yield)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
