"""An introducer's commission accrues with each deal by its rate, follows corrections and cancellations, and is paid out once."""

from datetime import date
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError
from django.test import Client

from apps.approvals.errors import SameHands
from apps.core import clock, db, money
from apps.core.errors import AppError
from apps.jobs import events as driving
from apps.jobs import settlement as jobs
from apps.reports.queries import proofs
from apps.rfqs.states import Side
from apps.settlement.errors import BadCommission
from apps.settlement.models import Accrual, Adjustment, CommissionRate
from apps.settlement.rules.accruing import due
from apps.trades.models import TradeVersion
from apps.users.errors import RoleMissing
from apps.users.models import User
from apps.workflows.adjust import ask_reversal
from apps.workflows.commissions import Rate, ask_payout, ask_rate
from apps.workflows.cover_account import propose_coverage
from apps.workflows.decide_approval import decide_approval
from tests import deals, world
from tests.commits import wait_for_readers
from tests.deals import person
from tests.reports.test_journal import export, hledger
from tests.settlement import world as here
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)


def decide(asked: Any, name: str, role: str, approve: bool = True) -> Any:
    return decide_approval(approval_id=asked.id, actor=person(name, role), approve=approve)


@pytest.fixture
def acme() -> world.Firm:
    """A client that shop introduced, with capital in our accounts."""
    here.open_house("USD", "BTC")
    world.firm("shop", roles=("INTRODUCER",), mode="CLIENT_FIRST", instructions=here.CYGNUS[:1])
    firm = world.firm("acme", markup_bps=D(5))
    asked = propose_coverage(actor=person("sam", "sales"), account="acme-main", sales={"sam": D(100)}, introducer="shop")
    assert decide(asked, "rita", "risk").status == "EXECUTED"
    return firm


def rate(amount: str, basis: str = "QUOTE_BPS") -> None:
    asked = ask_rate(actor=person("sam", "sales"), wanted=Rate("shop", "acme", "shop-main", basis, D(amount), "letter of 1 September"))
    with pytest.raises(SameHands):
        decide(asked, "sam", "finance")
    assert decide(asked, "fay", "finance").status == "EXECUTED"


def accrue() -> None:
    wait_for_readers()
    driving.drive("commissions")


def books() -> dict[str, D]:
    return {name: amount for name, amount in here.balances().items() if name in {"COMMISSION USD", "PAYABLE USD", "NOSTRO USD"}}


def proven() -> None:
    with db.snapshot():
        found = list(proofs.run(["commissions", "owed_is_outstanding", "open_items_have_owners", "adjustments", "position_identity"]))
    assert all(line.ok for line in found), [line for line in found if not line.ok]


def accrued() -> list[tuple[int, D, D]]:
    return list(Accrual.objects.order_by("trade_version").values_list("trade_version", "due", "amount"))


def test_what_a_deal_earns_is_worked_out_by_hand() -> None:
    deal: dict[str, Any] = {"quantity": D(2), "price": D(20_010), "quote_quantity": D(40_020), "scale": 2}
    assert due(basis="QUOTE_BPS", rate=D("1.25"), side="buy", trader_rate=None, **deal) == D("5.00")  # 40,020 × 1.25 / 10,000 = 5.0025
    assert due(basis="MARGIN_SHARE", rate=D(30), side="buy", trader_rate=D(20_000), **deal) == D("6.00")  # 10 × 2 × 30 %
    assert due(basis="MARGIN_SHARE", rate=D(30), side="sell", trader_rate=D(20_000), **deal) == 0, "it went against us"
    assert due(basis="MARGIN_SHARE", rate=D(30), side="sell", trader_rate=None, **deal) == 0


def test_it_accrues_follows_the_deal_and_is_paid_out_once(acme: world.Firm, tmp_path: Path, client: Client) -> None:
    here.deal(acme, Side.BUY, "1")  # before there was a rate
    here.at(clock.desk_now(), minutes=1)
    rate("2")
    trade = here.deal(acme, Side.BUY, "2")
    v1 = TradeVersion.objects.get(trade=trade)
    first = money.round_down(v1.quote_quantity * 2 / 10_000, 2)
    accrue()
    accrue()
    assert accrued() == [(1, first, first)] and first >= 8, "once, and not for the deal before"
    assert (books()["COMMISSION USD"], books()["PAYABLE USD"]) == (first, -first)
    proven()
    rate("50", "MARGIN_SHARE")  # deals keep the rate under which they were made
    deals.change(trade, quantity=D(1))
    accrue()
    half = accrued()[1][1]
    assert accrued() == [(1, first, first), (2, half, half - first)]
    assert abs(half * 2 - first) < D("0.02"), "pro rata"
    assert books()["PAYABLE USD"] == -half
    proven()
    # Paid out: asked by operations, checked by finance, owed to the introducer's account, posted against what had accrued.
    with pytest.raises(RoleMissing):
        payout("fay", "finance")
    made, asked = payout("olga", "operations")
    assert made.amount == half
    with pytest.raises(BadCommission, match="nothing to pay out"):
        payout("oscar", "operations")
    assert decide(asked, "fay", "finance", approve=False).status == "REJECTED"
    made, asked = payout("olga", "operations")
    assert decide(asked, "fay", "finance").status == "EXECUTED"
    assert (books()["COMMISSION USD"], books()["PAYABLE USD"]) == (half, -half), "moved from the introducer to its account, no second cost"
    proven()
    # Cancelled after that: taken back from what accrues next.
    deals.change(trade, cancel=True)
    accrue()
    assert accrued()[2] == (3, D(0), -half)
    assert books().get("COMMISSION USD", D(0)) == 0
    with pytest.raises(BadCommission, match=f"-{money.text(half)} USD is accrued"):
        payout("olga", "operations")
    proven()
    reversal = ask_reversal(actor=person("olga", "operations"), adjustment_id=made.id, reason="the deal is cancelled")
    assert decide(reversal, "fay", "finance").status == "EXECUTED"
    assert "PAYABLE USD" not in books()
    proven()
    checked = hledger("-f", str(export(tmp_path)), "check", "--strict", "ordereddates")
    assert (checked.returncode, checked.stderr) == (0, "")
    client.force_login(User.objects.get(username="sam"), backend="django.contrib.auth.backends.ModelBackend")
    assert "% of the sales margin" in client.get("/desk/commissions/").content.decode()
    table = client.get("/desk/commissions/statement.csv?account=shop-main").content.decode().splitlines()
    assert len(table) == 4 and table[1].startswith("shop,shop-main,acme,trd_")
    assert "adj_" in table[1] and table[3].split(",")[8] == f"-{money.text(half)}"


def payout(name: str, role: str) -> Any:
    return ask_payout(
        actor=person(name, role), account_code="shop-main", asset="USD", value_date=date(2026, 9, 16), reason="commission of September"
    )


def test_two_who_ask_at_once_pay_it_once(acme: world.Firm) -> None:
    rate("2")
    here.deal(acme, Side.BUY, "2")
    accrue()
    people = [person(name, "operations") for name in ("olga", "oscar")]

    def ask(n: int) -> str:
        words = {"account_code": "shop-main", "asset": "USD", "value_date": date(2026, 9, 16), "reason": "commission of September"}
        try:
            return str(ask_payout(actor=people[n], **words)[0].kind)
        except AppError as no:
            return no.code

    assert sorted(together(2, ask)) == sorted(["COMMISSION", "bad_commission"])
    with pytest.raises(IntegrityError, match="settlement_accrual_paid_once"):
        Accrual.objects.update(adjustment=None)
    proven()


@pytest.mark.drill
def test_a_payout_settles_like_every_adjustment(acme: world.Firm) -> None:
    rate("2")
    here.deal(acme, Side.SELL, "2")
    accrue()
    made, asked = payout("olga", "operations")
    assert decide(asked, "fay", "finance").status == "EXECUTED"
    before = here.balances()["NOSTRO USD"]
    here.at(here.CUTOFF, seconds=10)
    jobs.run_all()
    here.at(here.CUTOFF, hours=1)
    jobs.run_all()
    here.at(here.VALUE_DAY)
    jobs.run_all()
    mine = [one for one in here.ready() if one.account is not None and one.account.code == "shop-main"]
    assert here.release(*[one.id for one in mine]) == "EXECUTED"
    jobs.run_all()
    here.at(here.VALUE_DAY, hours=6)
    jobs.run_all()
    assert Adjustment.objects.get(id=made.id).status == "SETTLED"
    assert here.balances()["NOSTRO USD"] == before - made.amount
    proven()


WRONG = {
    "/introducer": Rate("acme", "shop", "acme-main", "QUOTE_BPS", D(1), "x"),
    "/client": Rate("shop", "shop", "shop-main", "QUOTE_BPS", D(1), "x"),
    "/account": Rate("shop", "acme", "acme-main", "QUOTE_BPS", D(1), "x"),
    "/basis": Rate("shop", "acme", "shop-main", "NOTIONAL", D(1), "x"),
    "/rate": Rate("shop", "acme", "shop-main", "QUOTE_BPS", D(101), "x"),
    "/reason": Rate("shop", "acme", "shop-main", "QUOTE_BPS", D(1), " "),
}


def test_a_rate_that_makes_no_sense_is_refused_and_the_walls_agree(acme: world.Firm) -> None:
    for pointer, wanted in WRONG.items():
        with pytest.raises(BadCommission) as no:
            ask_rate(actor=person("sam", "sales"), wanted=wanted)
        assert no.value.extra["pointer"] == pointer
    with pytest.raises(RoleMissing):
        ask_rate(actor=person("rita", "risk"), wanted=WRONG["/rate"])
    assert not CommissionRate.objects.exists()
    rate("1")
    kept = CommissionRate.objects.get()
    with pytest.raises(IntegrityError, match="commissionrate_four_eyes"):
        CommissionRate.objects.create(
            introducer=kept.introducer, client=kept.client, account=kept.account, version=2, basis="QUOTE_BPS", rate=1, reason="x",
            effective_from=kept.effective_from, made_by=kept.made_by, checked_by=kept.made_by,
        )  # fmt: skip
    here.deal(acme, Side.BUY, "1")
    accrue()
    with pytest.raises(IntegrityError, match="never change"):
        Accrual.objects.update(amount=1)
