"""What both walks stand on (test_life.py, test_house_life.py): an empty house to begin in, a clock, the proof at the end, their runs."""

import os
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import redis
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from apps.ledger import operations as ledger_operations
from apps.settlement.rules.gate import HARD, Code
from tests import books, world
from tests.engines import flush_database
from tests.reports.test_journal import export, hledger

from . import world as here

picks = st.integers(0, 10**6)
SOFT = {str(code): "tried" for code in Code if code not in HARD}  # every blocker that may be overridden, and why


class Walk(RuleBasedStateMachine):
    """Each example in a house of its own, on the same Tuesday, since days differ in what they allow."""

    now: datetime = world.NOON
    journal: Path | None = None  # where each example's journal is written for hledger
    seen: Counter[str]  # where the examples of this walk ended

    def __init_subclass__(cls) -> None:
        cls.seen = Counter()

    def open_house(self) -> dict[str, Any]:
        """Our accounts by asset; of the example before nothing is left."""
        flush_database()
        with redis.Redis.from_url(os.environ["VALKEY_URL"]) as valkey:
            valkey.flushall()
        ledger_operations.forget_accounts()
        return here.open_house("USD", "BTC")

    def at(self, moment: datetime) -> None:
        self.now = here.at(moment)

    def pick(self, found: list[Any], pick: int) -> Any:
        """The last one for 0: what was made a moment ago."""
        return found[-1 - pick % len(found)]

    def prove(self) -> None:
        """At the end of an example: every proof of the books holds, and hledger agrees where it is asked."""
        books.proven()
        if self.journal is not None:
            checked = hledger("-f", str(export(self.journal)), "check", "--strict", "ordereddates")
            assert (checked.returncode, checked.stderr) == (0, "")


def run(walk: type[Walk], examples: int, steps: int, *, derandomize: bool) -> None:
    found = [Phase.explicit, Phase.reuse, Phase.generate]  # an example costs seconds, so one that fails is not made smaller
    size = settings(phases=found, max_examples=examples, stateful_step_count=steps, derandomize=derandomize, database=None)
    run_state_machine_as_test(walk, settings=size)


def run_many(walk: type[Walk], times: int, journal: Path, reached: set[str]) -> None:
    """Ten examples again and again: hypothesis varies what it began with, and each beginning reaches other states.

    :param reached: what at least one of them has to end in
    """
    walk.journal = journal
    walk.seen.clear()
    try:
        for _ in range(times):
            run(walk, 10, 40, derandomize=False)
    finally:
        walk.journal = None
    assert walk.seen.keys() >= reached, sorted(reached - walk.seen.keys())
