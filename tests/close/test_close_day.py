"""A business day closes when all is proven, by two people of the right roles."""

from datetime import date
from decimal import Decimal as D

import pytest
from django.db import IntegrityError

from apps.approvals.errors import NotAChecker, SameHands
from apps.approvals.models import Approval
from apps.close import queries as days
from apps.close.errors import DayNotOver, DayNotReady, MarksIncomplete, NoSuchDay, NotACloser, SameHandsClose
from apps.close.models import BusinessDay, Proof
from apps.close.rules import Held, profit
from apps.close.states import DAY, DayStatus
from apps.core import clock, db
from apps.core.errors import IllegalMove
from apps.core.unit import use_case
from apps.events.models import Event
from apps.ledger import operations as ledger
from apps.ledger.rules import Ref, credit, debit
from apps.ledger.states import Kind
from apps.pricing import queries as prices
from apps.pricing.models import Mark, MarkSet
from apps.reports.queries import proofs
from apps.workflows.close_day import close_day, retake_proofs, start_close, stop_close
from apps.workflows.open_day import open_day
from apps.workflows.propose_marks import propose_marks
from tests.reports import desk
from tests.reports.desk import EVENING, MIDS, TODAY, Desk

pytestmark = pytest.mark.django_db(transaction=True)


def evening() -> Desk:
    """A busy day that has rolled, its marks approved; nothing is on its way."""
    d = desk.busy()
    open_day(entity_id=d.entity_id, on=TODAY)
    clock.freeze_desk(EVENING)
    desk.hear_kraken()
    return d


def missing(no: DayNotReady) -> dict[str, list[str]]:
    return {one["proof"]: one["breaks"] for one in no.extra["missing"]}


def test_every_move_of_a_day_is_allowed_or_refused_as_its_table_says() -> None:
    allowed = {("OPEN", "CLOSING"), ("CLOSING", "CLOSED"), ("CLOSING", "OPEN"), ("CLOSED", "OPEN")}
    assert {(str(a), str(b)) for a in DayStatus for b in DayStatus if DAY.allows(a, b)} == allowed


def test_day_is_opened_once_however_often_it_is_asked_for() -> None:
    d = desk.build()
    first, second = (open_day(entity_id=d.entity_id, on=TODAY) for _ in range(2))
    assert first.id == second.id
    assert Event.objects.filter(kind="day.opened").count() == 1


def test_operations_start_and_finance_closes_a_proven_day() -> None:
    d = evening()
    day, taken = start_close(actor=d.olga, entity_id=d.entity_id, on=TODAY)
    assert day.status == "CLOSING"
    assert {p.kind: p.proven for p in taken} == dict.fromkeys(
        ("MARKS", "POSITION_IDENTITY", "BALANCE", "MOVEMENT", "TRADE", "POSITION", "SUSPENSE", "IN_TRANSIT", "CLIENT_MONEY"), True
    )
    closed = close_day(actor=d.finn, entity_id=d.entity_id, on=TODAY)
    assert (closed.status, closed.started_by, closed.closed_by, closed.closed_at) == ("CLOSED", d.olga.id, d.finn.id, EVENING)
    assert Proof.objects.filter(day=closed).count() == 18
    assert len(days.list_proofs(closed.id)) == 9
    assert list(Event.objects.filter(subject_id=day.id).order_by("position").values_list("kind", flat=True)) == [
        "day.opened",
        "day.closing",
        "day.closed",
    ]
    with db.snapshot():
        assert all(finding.ok for finding in proofs.run())


def test_identity_and_profit_since_inception_are_kept_with_the_proof() -> None:
    d = evening()
    _, taken = start_close(actor=d.olga, entity_id=d.entity_id, on=TODAY)
    [identity] = [p for p in taken if p.kind == "POSITION_IDENTITY"]
    assert identity.detail["BTC"] == {"have": "-1.75", "position": "-1.75"}
    expected = sum(
        D(identity.detail[asset]["position"]) * mark for asset, mark in {**MIDS, "USD": D(1)}.items() if asset in identity.detail
    )
    assert D(identity.detail["profit_since_inception"]) == expected


def test_profit_is_position_times_mark_and_names_what_has_none() -> None:
    held = [Held("BTC", D("1.5"), D("1.5")), Held("USD", D(-30000), D(-30000)), Held("ETH", D(1), D(1)), Held("GBP", D(0), D(0))]
    assert profit(held, {"BTC": D(20100), "USD": D(1)}) == (D(150), ["ETH"])


def test_day_that_has_not_rolled_cannot_start_to_close() -> None:
    d = desk.busy()
    open_day(entity_id=d.entity_id, on=TODAY)
    with pytest.raises(DayNotOver):
        start_close(actor=d.olga, entity_id=d.entity_id, on=TODAY)
    assert BusinessDay.objects.get().status == "OPEN"


def test_day_that_was_never_opened_cannot_close() -> None:
    d = evening()
    with pytest.raises(NoSuchDay):
        start_close(actor=d.olga, entity_id=d.entity_id, on=date(2026, 9, 1))


def test_finance_does_not_start_and_operations_do_not_close() -> None:
    d = evening()
    with pytest.raises(NotACloser):
        start_close(actor=d.fay, entity_id=d.entity_id, on=TODAY)
    start_close(actor=d.olga, entity_id=d.entity_id, on=TODAY)
    with pytest.raises(NotACloser):
        close_day(actor=d.olga, entity_id=d.entity_id, on=TODAY)
    assert BusinessDay.objects.get().status == "CLOSING"


def test_day_whose_close_was_not_started_cannot_close() -> None:
    d = evening()
    with pytest.raises(IllegalMove):
        close_day(actor=d.finn, entity_id=d.entity_id, on=TODAY)


def test_nobody_closes_the_day_whose_close_they_started() -> None:
    d = evening()
    both = desk.Actor(kind="STAFF", id=d.olga.id, name="both", roles=frozenset({"operations", "finance"}))
    start_close(actor=both, entity_id=d.entity_id, on=TODAY)
    with pytest.raises(SameHandsClose):
        close_day(actor=both, entity_id=d.entity_id, on=TODAY)
    assert BusinessDay.objects.get().status == "CLOSING"


def test_raw_sql_cannot_close_a_day_or_approve_marks_by_nobody() -> None:
    d = evening()
    start_close(actor=d.olga, entity_id=d.entity_id, on=TODAY)
    for sql, wall in (
        ("UPDATE close_businessday SET status = 'CLOSED'", "close_closed_by_two"),
        ("UPDATE pricing_markset SET approved_by = NULL WHERE status = 'APPROVED'", "pricing_marks_by_two"),
    ):
        with pytest.raises(IntegrityError) as no:
            db.run(sql)
        assert no.value.__cause__.diag.constraint_name == wall  # type: ignore[union-attr]


def test_close_without_marks_or_with_a_wrong_statement_lists_what_is_missing() -> None:
    d = desk.build()
    desk.deal(d.acme, "a1")
    open_day(entity_id=d.entity_id, on=TODAY)
    clock.freeze_desk(EVENING)
    db.run("UPDATE settlement_railcursor SET balance = balance - 1 WHERE nostro_id = %s", (d.nostros["USD"].id,))
    start_close(actor=d.olga, entity_id=d.entity_id, on=TODAY)
    with pytest.raises(DayNotReady) as no:
        close_day(actor=d.finn, entity_id=d.entity_id, on=TODAY)
    assert missing(no.value) == {
        "MARKS": ["no approved closing marks"],
        "BALANCE": ["First Bank, house: statement 999999, ledger 1000000, -1 explained by no item"],
    }
    assert BusinessDay.objects.get().status == "CLOSING"


def test_nostro_without_a_statement_and_unexplained_suspense_and_transit_are_breaks() -> None:
    d = evening()
    usd, btc = d.nostros["USD"], d.nostros["BTC"]

    @use_case
    def disturb(*, now) -> None:
        def ref(kind: Kind, nostro: desk.Nostro) -> Ref:
            return Ref(d.entity_id, kind, nostro.asset_id, owner_id=nostro.id)

        for kind, nostro in ((Kind.SUSPENSE, usd), (Kind.IN_TRANSIT, btc)):
            ledger.post(
                key=f"x:{kind}", kind="TEST", source_type="nostro", source_id=nostro.id, effective_at=now, business_date=TODAY,
                lines=[debit(Ref(d.entity_id, Kind.CAPITAL, nostro.asset_id), D(3)), credit(ref(kind, nostro), D(3))],
            )  # fmt: skip

    disturb()
    start_close(actor=d.olga, entity_id=d.entity_id, on=TODAY)
    with pytest.raises(DayNotReady) as no:
        close_day(actor=d.finn, entity_id=d.entity_id, on=TODAY)
    assert missing(no.value) == {
        "SUSPENSE": ["First Bank, house (USD): suspense 3, receipts not applied 0"],
        "IN_TRANSIT": ["Vault, house (BTC): in transit 3, payments sent 0"],
    }


def test_client_money_that_is_not_covered_keeps_the_day_open() -> None:
    d = evening()
    client = d.nostros["CLIENT"]

    @use_case
    def take(*, now) -> None:
        ledger.post(
            key="taken", kind="TEST", source_type="nostro", source_id=client.id, effective_at=now, business_date=TODAY,
            lines=[
                debit(Ref(d.entity_id, Kind.NOSTRO, "USD", owner_id=d.nostros["USD"].id), D(240_000)),
                credit(Ref(d.entity_id, Kind.NOSTRO, "USD", owner_id=client.id), D(240_000)),
            ],
        )  # fmt: skip

    take()
    db.run(
        "UPDATE settlement_railcursor c SET balance = a.amount FROM ledger_ledgeraccount a "
        "WHERE a.owner_id = c.nostro_id AND a.kind = 'NOSTRO'"
    )
    start_close(actor=d.olga, entity_id=d.entity_id, on=TODAY)
    with pytest.raises(DayNotReady) as no:
        close_day(actor=d.finn, entity_id=d.entity_id, on=TODAY)
    assert list(missing(no.value)) == ["CLIENT_MONEY"]


def test_close_given_up_can_be_started_and_proven_again() -> None:
    d = evening()
    start_close(actor=d.olga, entity_id=d.entity_id, on=TODAY)
    assert stop_close(actor=d.finn, entity_id=d.entity_id, on=TODAY, reason="a late hedge").status == "OPEN"
    with pytest.raises(IllegalMove):
        stop_close(actor=d.finn, entity_id=d.entity_id, on=TODAY, reason="again")
    assert all(p.proven for p in retake_proofs(entity_id=d.entity_id, on=TODAY))
    start_close(actor=d.olga, entity_id=d.entity_id, on=TODAY)
    assert close_day(actor=d.rita, entity_id=d.entity_id, on=TODAY).status == "CLOSED"


def test_marks_are_proposed_by_finance_and_approved_by_another() -> None:
    d = desk.build()
    with pytest.raises(NotACloser):
        propose_marks(actor=d.olga, entity_id=d.entity_id, business_date=TODAY, mids=MIDS, source="composite")
    made, asked = propose_marks(actor=d.fay, entity_id=d.entity_id, business_date=TODAY, mids=MIDS, source="composite")
    assert prices.find_approved_marks(d.entity_id, TODAY) is None
    with pytest.raises(SameHands):
        desk.decide(approval_id=asked.id, checker=d.fay)
    with pytest.raises(NotAChecker):
        desk.decide(approval_id=asked.id, checker=d.olga)
    desk.decide(approval_id=asked.id, checker=d.finn)
    assert prices.find_approved_marks(d.entity_id, TODAY) == {**MIDS, "USD": D(1)}
    assert MarkSet.objects.get(id=made.id).approved_by == d.finn.id


def test_later_proposal_supersedes_and_the_earlier_request_can_no_longer_be_executed() -> None:
    d = desk.build()
    _, first = propose_marks(actor=d.fay, entity_id=d.entity_id, business_date=TODAY, mids=MIDS, source="composite")
    _, second = propose_marks(actor=d.fay, entity_id=d.entity_id, business_date=TODAY, mids={**MIDS, "BTC": D(20200)}, source="composite")
    assert desk.decide(approval_id=first.id, checker=d.rita).status == "STALE"
    desk.decide(approval_id=second.id, checker=d.rita)
    marks = prices.find_approved_marks(d.entity_id, TODAY)
    assert marks is not None
    assert marks["BTC"] == 20200


@pytest.mark.parametrize("mids", [{"EUR": D("1.1")}, {**MIDS, "BTC": D(0)}, {**MIDS, "BTC": D(-1)}, {**MIDS, "BTC": D("NaN")}])
def test_marks_that_lack_a_held_asset_are_refused(mids: dict[str, D]) -> None:
    d = desk.build()
    desk.deal(d.acme, "a1")
    with pytest.raises(MarksIncomplete) as no:
        propose_marks(actor=d.fay, entity_id=d.entity_id, business_date=TODAY, mids=mids, source="composite")
    assert no.value.extra["missing"] == ["BTC"]
    assert not MarkSet.objects.exists()
    assert not Approval.objects.exists()


def test_mark_that_moved_far_since_the_last_approved_one_is_flagged_for_the_checker() -> None:
    d = desk.busy()
    _, asked = propose_marks(
        actor=d.fay,
        entity_id=d.entity_id,
        business_date=date(2026, 9, 16),
        mids={**MIDS, "BTC": D(30000)},
        source="composite",
        flags={"ETH": ["stale"]},
    )
    assert asked.payload["flags"] == {"BTC": ["move"], "ETH": ["stale"]}
    assert asked.before["marks"]["BTC"] == "20100"
    assert {m.asset_code: m.flags for m in Mark.objects.filter(mark_set_id=asked.subject_id)}["BTC"] == ["move"]
