"""What is owed and is no trade: one obligation and one ledger transaction each, netted and paid like the others."""

from datetime import date
from decimal import Decimal as D
from pathlib import Path
from unittest.mock import patch

import pytest
from django.db import IntegrityError, transaction

from apps.approvals.models import Approval
from apps.core import clock, db
from apps.core.actor import SYSTEM, Actor
from apps.core.errors import NotFound
from apps.jobs import settlement as jobs
from apps.rfqs.states import Side
from apps.settlement import queries as settlement
from apps.settlement.errors import BadAdjustment
from apps.settlement.models import Adjustment, Obligation
from apps.settlement.operations import adjusting
from apps.settlement.queries import adjustments as queries
from apps.users.errors import RoleMissing
from apps.workflows.adjust import Wanted, ask_adjustment, ask_reversal
from apps.workflows.decide_approval import decide_approval
from apps.workflows.settle_net_set import agree_net_set
from tests import world
from tests.people import staff
from tests.reports.test_journal import export, hledger
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)
DAY = date(2026, 9, 16)


def wanted(kind: str, direction: str, amount: str, asset: str = "USD", **more: object) -> Wanted:
    given: dict = {"value_date": DAY, "reason": "agreed with the client", **more}
    return Wanted(kind, direction, asset, D(amount), **given)


def ask(firm: world.Firm, one: Wanted) -> tuple[Adjustment, Approval]:
    return ask_adjustment(actor=staff("olga", "operations"), account_code=firm.account.code, wanted=one)


def decide(asked: Approval, *, approve: bool = True, by: Actor | None = None) -> str:
    return str(decide_approval(approval_id=asked.id, actor=by or staff("fay", "finance"), approve=approve).status)


def book(firm: world.Firm, one: Wanted) -> Adjustment:
    made, asked = ask(firm, one)
    assert decide(asked) == "EXECUTED", Approval.objects.get(id=asked.id).comment
    made.refresh_from_db()
    return made


def posted(adjustment: Adjustment) -> list[tuple[str, D]]:
    rows = db.run(
        "SELECT a.kind || ' ' || l.asset_code, l.amount FROM ledger_ledgerline l JOIN ledger_ledgertransaction t "
        "ON t.id = l.transaction_id JOIN ledger_ledgeraccount a ON a.id = l.account_id WHERE t.source_id = %s ORDER BY l.id",
        (adjustment.id,),
    )
    return [(account, amount) for account, amount in rows]


@pytest.fixture
def acme() -> world.Firm:
    here.open_house("USD", "BTC")
    return world.firm("acme")


def test_every_kind_is_posted_as_the_table_says_and_hledger_agrees(acme: world.Firm, tmp_path: Path) -> None:
    for kind, direction, lines in (
        ("REBATE", "PAY", [("FEE_INCOME USD", D(1)), ("PAYABLE USD", D(-1))]),
        ("COMPENSATION", "PAY", [("COST USD", D(1)), ("PAYABLE USD", D(-1))]),
        ("COMPENSATION", "RECEIVE", [("RECEIVABLE USD", D(1)), ("COST USD", D(-1))]),
        ("LATE_INTEREST", "RECEIVE", [("RECEIVABLE USD", D(1)), ("FEE_INCOME USD", D(-1))]),
        ("CHARGE", "RECEIVE", [("RECEIVABLE USD", D(1)), ("FEE_INCOME USD", D(-1))]),
        ("COMMISSION", "PAY", [("COMMISSION USD", D(1)), ("PAYABLE USD", D(-1))]),
    ):
        made = book(acme, wanted(kind, direction, "1"))
        assert (made.status, sorted(posted(made))) == ("BOOKED", sorted(lines)), kind
        assert Obligation.objects.filter(adjustment=made).count() == 1
    checked = hledger("-f", str(export(tmp_path)), "check", "--strict", "ordereddates")
    assert (checked.returncode, checked.stderr) == (0, "")


def test_a_rebate_is_netted_with_a_deal_and_settles_with_its_leg(acme: world.Firm) -> None:
    here.deal(acme, Side.BUY, "1")
    rebate = book(acme, wanted("REBATE", "PAY", "100"))
    here.at(here.CUTOFF, seconds=10)
    jobs.freeze_due()
    (net_set,) = settlement.list_net_sets(SYSTEM)
    (usd,) = [leg for leg in settlement.net_set_legs([net_set.id])[net_set.id] if leg.asset_id == "USD"]
    pays = Obligation.objects.get(asset_id="USD", trade__isnull=False).amount
    assert (usd.direction, usd.amount) == ("RECEIVE", pays - 100)
    agree_net_set(net_set_id=net_set.id, actor=acme.treasury)
    here.at(here.VALUE_DAY)
    jobs.run_all()
    here.pay_in("USD", pays - 100, name="Acme Capital", address="021000021-1001", remittance=here.only("EXPECTED").end_to_end_id)
    here.at(here.VALUE_DAY, hours=1)
    jobs.run_all()
    rebate.refresh_from_db()
    assert rebate.status == "SETTLED"
    left = here.balances()
    assert "RECEIVABLE USD" not in left and "PAYABLE USD" not in left
    assert left["FEE_INCOME USD"] == D(100)
    kinds = [k for (k,) in db.run("SELECT kind FROM events_event WHERE subject_id = %s AND public IS NOT NULL ORDER BY id", (rebate.id,))]
    assert kinds == ["adjustment.booked", "adjustment.settled"]


def test_a_write_off_forgives_the_rest_of_a_payment(acme: world.Firm) -> None:
    """Worked case 8's end: a few dollars short."""
    here.deal(acme, Side.BUY, "1")
    here.at(here.CUTOFF, seconds=10)
    jobs.freeze_due()
    here.at(here.VALUE_DAY)
    jobs.run_all()
    expected = here.only("EXPECTED")
    here.pay_in("USD", expected.amount - 12, name="Acme Capital", address="021000021-1001", remittance=expected.end_to_end_id)
    jobs.run_all()
    assert here.balances()["RECEIVABLE USD"] == D(12)
    for bad, field in (
        (wanted("WRITE_OFF", "PAY", "12"), "/writes_off"),
        (wanted("WRITE_OFF", "PAY", "13", writes_off=expected.end_to_end_id), "/amount"),
        (wanted("REBATE", "PAY", "12", writes_off=expected.end_to_end_id), "/writes_off"),
    ):
        with pytest.raises(BadAdjustment) as no:
            ask(acme, bad)
        assert no.value.extra["pointer"] == field
    made = book(acme, wanted("WRITE_OFF", "PAY", "12", writes_off=expected.end_to_end_id))
    expected.refresh_from_db()
    assert (made.status, expected.status) == ("SETTLED", "RECEIVED")
    assert posted(made) == [("WRITE_OFF USD", D(12)), ("RECEIVABLE USD", D(-12))]
    assert "RECEIVABLE USD" not in here.balances()
    again = book(acme, wanted("WRITE_OFF", "RECEIVE", "12", reason="it came after all"))
    assert posted(again) == [("RECEIVABLE USD", D(12)), ("WRITE_OFF USD", D(-12))]


def test_a_commission_is_owed_to_the_introducer_and_paid() -> None:
    """COMMISSION against PAYABLE of the introducer, whose account is made as a client's is."""
    here.open_house("USD")
    shop = world.firm("shop", roles=("INTRODUCER",), mode="CLIENT_FIRST", instructions=here.CYGNUS[:1])
    made = book(shop, wanted("COMMISSION", "PAY", "75", reason="2 % of what acme paid in September"))
    assert sorted(posted(made)) == [("COMMISSION USD", D(75)), ("PAYABLE USD", D(-75))]
    assert db.one("SELECT count(*) FROM events_event WHERE subject_id = %s AND public IS NOT NULL", (made.id,)) == (0,), "no client of ours"
    here.at(here.CUTOFF, seconds=10)
    jobs.run_all()
    (net_set,) = settlement.list_net_sets(SYSTEM)
    here.at(here.CUTOFF, hours=1)
    jobs.run_all()
    here.at(here.VALUE_DAY)
    jobs.run_all()
    assert here.release(here.only("READY").id) == "EXECUTED"
    jobs.run_all()
    here.at(here.VALUE_DAY, hours=6)
    jobs.run_all()
    made.refresh_from_db()
    left = here.balances()
    assert (made.status, left["COMMISSION USD"], left["NOSTRO USD"]) == ("SETTLED", D(75), D(9_999_925))
    assert "PAYABLE USD" not in left and net_set.account_id == shop.account.id


def test_it_is_reversed_before_it_is_netted_and_not_after(acme: world.Firm) -> None:
    one, two = book(acme, wanted("CHARGE", "RECEIVE", "30")), book(acme, wanted("CHARGE", "RECEIVE", "40"))
    asked = ask_reversal(actor=staff("olga", "operations"), adjustment_id=one.id, reason="wrong client")
    assert decide(asked) == "EXECUTED"
    one.refresh_from_db()
    assert one.status == "REVERSED" and sum(amount for _, amount in posted(one)) == 0 and len(posted(one)) == 4
    assert Obligation.objects.get(adjustment=one).status == "CANCELLED"
    late = ask_reversal(actor=staff("olga", "operations"), adjustment_id=two.id, reason="wrong client")
    here.at(here.CUTOFF, seconds=10)
    jobs.freeze_due()
    assert decide(late) == "FAILED"
    two.refresh_from_db()
    assert two.status == "BOOKED"
    assert here.balances()["RECEIVABLE USD"] == D(40)


def test_it_is_reversed_only_with_its_one_posting(acme: world.Firm) -> None:
    one = book(acme, wanted("CHARGE", "RECEIVE", "30"))
    asked = ask_reversal(actor=staff("olga", "operations"), adjustment_id=one.id, reason="wrong client")
    with patch.object(adjusting.ledger, "reverse", return_value=0):
        assert decide(asked) == "FAILED"
    one.refresh_from_db()
    assert (one.status, Obligation.objects.get(adjustment=one).status) == ("BOOKED", "OPEN")


def test_a_prefunded_account_pays_and_gets_it_in_its_balance(acme: world.Firm) -> None:
    cygnus = world.firm("cygnus", mode="PREFUNDED", members=here.THREE_PEOPLE, instructions=here.CYGNUS)
    _, asked = ask(cygnus, wanted("CHARGE", "RECEIVE", "30"))
    assert decide(asked) == "FAILED", "it has nothing"
    assert Adjustment.objects.get().status == "REJECTED"
    got = book(cygnus, wanted("REBATE", "PAY", "50"))
    paid = book(cygnus, wanted("CHARGE", "RECEIVE", "30"))
    assert (got.status, paid.status) == ("SETTLED", "SETTLED")
    assert here.balances()["CLIENT_BALANCE USD"] == D(-20)
    assert not Obligation.objects.exclude(status="SETTLED").exists()


def test_who_may_and_what_is_refused_leaves_nothing(acme: world.Firm) -> None:
    mallory = world.firm("mallory")
    one = wanted("REBATE", "PAY", "5")
    for role in ("trader", "risk", "finance", "compliance"):
        with pytest.raises(RoleMissing):
            ask_adjustment(actor=staff(f"x{role}", role), account_code=acme.account.code, wanted=one)
    for bad, field in (
        (wanted("CLOSE_OUT", "PAY", "5"), "/kind"), (wanted("REBATE", "RECEIVE", "5"), "/kind"),
        (wanted("REBATE", "PAY", "0.001"), "/amount"),
        (wanted("REBATE", "PAY", "5", "DOGE"), "/asset"), (wanted("REBATE", "PAY", "5", reason=" "), "/reason"),
        (wanted("REBATE", "PAY", "5", value_date=date(2026, 9, 14)), "/value_date"),
        (wanted("REBATE", "PAY", "5", value_date=date(2026, 9, 19)), "/value_date"),
        (wanted("REBATE", "PAY", "NaN"), "/amount"), (wanted("REBATE", "PAY", "1e30"), "/amount"),
    ):  # fmt: skip
        with pytest.raises(BadAdjustment) as no:
            ask(acme, bad)
        assert no.value.extra["pointer"] == field, bad
    assert not Adjustment.objects.exists()
    made, asked = ask(acme, one)
    assert decide(asked, approve=False) == "REJECTED"
    made.refresh_from_db()
    assert made.status == "REJECTED" and not Obligation.objects.exists() and posted(made) == []
    with pytest.raises(NotFound):
        queries.get(made.id, actor=acme.treasury)
    mine = book(acme, one)
    assert queries.get(mine.id, actor=acme.treasury) == mine
    with pytest.raises(NotFound):
        queries.get(mine.id, actor=mallory.treasury)
    assert [a.id for a in queries.visible_to(acme.treasury)] == [mine.id]


@pytest.mark.parametrize(
    ("sql", "wall"),
    [
        ("UPDATE settlement_adjustment SET amount = 6", "settlement_adjustment_frozen"),
        ("UPDATE settlement_adjustment SET status = 'APPROVED'", "settlement_adjustment_status_moves"),
        ("UPDATE settlement_adjustment SET checked_by = made_by", "adjustment_four_eyes"),
        ("UPDATE settlement_obligation SET adjustment_id = NULL", "settlement_obligation_frozen"),
        (
            "INSERT INTO settlement_obligation (id, adjustment_id, account_id, entity_id, asset_id, direction, amount, settled_amount, "
            "value_date, status, booked_at) SELECT gen_random_uuid(), adjustment_id, account_id, entity_id, asset_id, direction, 7, 0, "
            "value_date, 'OPEN', booked_at FROM settlement_obligation",
            "settlement_adjusts",
        ),
        (
            "INSERT INTO settlement_obligation (id, adjustment_id, account_id, entity_id, asset_id, direction, amount, settled_amount, "
            "value_date, status, booked_at) SELECT gen_random_uuid(), adjustment_id, account_id, entity_id, asset_id, direction, amount, "
            "0, value_date, 'OPEN', booked_at FROM settlement_obligation",
            "settlement_obligation_adjustment_id_key",
        ),
    ],
)
def test_the_database_says_the_same(acme: world.Firm, sql: str, wall: str) -> None:
    book(acme, wanted("REBATE", "PAY", "5"))
    with pytest.raises(IntegrityError) as no, transaction.atomic():
        db.run(sql)
    assert no.value.__cause__.diag.constraint_name == wall  # type: ignore[union-attr]


def test_none_is_booked_without_its_ledger_transaction(acme: world.Firm) -> None:
    made, _ = ask(acme, wanted("REBATE", "PAY", "5"))
    with pytest.raises(IntegrityError) as no, transaction.atomic():
        db.run("UPDATE settlement_adjustment SET status = 'APPROVED', checked_by = gen_random_uuid()")
        db.run("UPDATE settlement_adjustment SET status = 'BOOKED', booked_at = now()")
        db.run("SET CONSTRAINTS ALL IMMEDIATE")
    assert no.value.__cause__.diag.constraint_name == "settlement_adjustment_whole"  # type: ignore[union-attr]
    assert clock.desk_now() and made.amount == 5
