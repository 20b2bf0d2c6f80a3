"""What always fails, or stays due by its nature, keeps nothing behind it waiting."""

from collections.abc import Callable, Collection
from typing import Any
from uuid import UUID

import pytest

from apps.core.actor import SYSTEM
from apps.core.errors import Busy
from apps.jobs import settlement as jobs
from apps.jobs.pages import each_once
from apps.rfqs.states import Side
from apps.settlement import queries as settlement
from apps.settlement.queries import due
from tests import world
from tests.settlement import world as here


@pytest.mark.parametrize("count", [0, 1, 2, 3, 6, 7])
def test_each_is_had_once_also_where_none_ever_leaves_the_list(count: int) -> None:
    asked: list[int] = []

    def page(but: Collection[int]) -> list[int]:
        asked.append(len(but))
        return [n for n in range(count) if n not in but][:3]

    assert list(each_once(page)) == list(range(count))
    assert len(asked) <= count // 3 + 2


def test_what_is_done_leaves_the_list_and_the_rest_is_had() -> None:
    due_now = list(range(10))
    had = []
    for one in each_once(lambda but: [n for n in due_now if n not in but][:4]):
        had.append(one)
        if one % 2:
            due_now.remove(one)
    assert had == list(range(10))


@pytest.mark.django_db(transaction=True)
def test_sets_that_cannot_be_frozen_and_payments_that_stay_blocked_starve_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of three fail for ever, and a page has room for two."""
    here.open_house("USD", "BTC")
    firms = [world.firm(name, instructions=world.INSTRUCTIONS["acme"]) for name in ("acme", "birch", "cedar")]
    for firm in firms:
        here.deal(firm, Side.BUY, "1")
    monkeypatch.setattr(due, "BATCH", 2)
    here.at(here.CUTOFF, seconds=10)
    first = sorted(firm.account.id for firm in firms)[:2]
    real = jobs.freeze_net_set

    def freeze(*, account_id: UUID, **kw: object) -> object:
        if account_id in first:
            raise Busy("as for ever")
        return real(account_id=account_id, **kw)  # type: ignore[arg-type]

    monkeypatch.setattr(jobs, "freeze_net_set", freeze)
    assert jobs.freeze_sets() == 1
    assert settlement.list_net_sets(SYSTEM).get().account_id not in first
    monkeypatch.setattr(jobs, "freeze_net_set", real)
    assert jobs.freeze_sets() == 2
    jobs.instruct_sets()
    assert settlement.list_instructions(SYSTEM).filter(direction="PAY", status="BLOCKED").count() == 3
    assert jobs.review_queue() == 3, "each is looked at again, though all of them stay"


@pytest.mark.django_db(transaction=True)
def test_payments_that_cannot_be_sent_or_get_no_answer_starve_nobody(monkeypatch: pytest.MonkeyPatch, superuser_session: Any) -> None:
    """Of three the first two can never be sent, or told of, and a page has room for two."""
    here.open_house("USD", "BTC")
    for name in ("acme", "birch", "cedar"):
        here.deal(world.firm(name, instructions=world.INSTRUCTIONS["acme"]), Side.BUY, "1")
    monkeypatch.setattr(due, "BATCH", 2)
    here.at(here.CUTOFF, seconds=10)
    jobs.freeze_due()

    def all_are(status: str, more: str = "") -> list[UUID]:
        superuser_session.execute("SET session_replication_role = replica")
        superuser_session.execute(f"UPDATE settlement_instruction SET status = '{status}' {more} WHERE direction = 'PAY'")
        superuser_session.execute("RESET session_replication_role")
        return list(settlement.list_instructions(SYSTEM).filter(status=status).order_by("due_date", "id").values_list("id", flat=True))

    def tried(sweep: Callable[[], int], what: str) -> list[UUID]:
        """Which payments the sweep comes to, where the first two refuse."""
        met: list[UUID] = []

        def act(*, instruction_id: UUID, **_: object) -> None:
            met.append(instruction_id)
            if len(met) < 3:
                raise Busy("as for ever")

        with monkeypatch.context() as patch:
            patch.setattr(jobs, what, act)
            sweep()
        return met

    released = all_are("RELEASED")
    assert len(released) == 3
    assert tried(jobs.send_released, "begin_sending") == released
    assert set(tried(jobs.resolve_unknown, "record_answer")) == set()
    lost = all_are("SENDING", ", sending_since = now() - interval '1 hour'")
    assert set(tried(jobs.resolve_unknown, "record_answer")) == set(lost)
    silent = all_are("UNKNOWN")
    assert set(tried(jobs.resolve_unknown, "record_answer")) == set(silent)
