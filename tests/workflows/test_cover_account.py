"""Whose client an account is goes with each deal, as it was when it was dealt."""

from decimal import Decimal as D

import pytest
from django.core.management import CommandError, call_command

from apps.approvals.errors import NotAChecker
from apps.core.actor import Actor
from apps.rfqs.states import Side
from apps.trades.models import TradeVersion
from apps.users.errors import RoleMissing
from apps.workflows.cover_account import BadCoverage, propose_coverage
from apps.workflows.decide_approval import decide_approval
from apps.workflows.onboard_client import register_counterparty
from tests import people, world
from tests.settlement import world as house
from tests.trades import books

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk() -> dict[str, Actor]:
    register_counterparty(code="shop", name="Shop Ltd", lei="", country="GB", roles=["INTRODUCER"])
    return books.open_desk() | {"sue": people.staff("sue", "sales")}


def cover(desk: dict[str, Actor], sales: dict[str, D], introducer: str = "") -> None:
    asked = propose_coverage(actor=desk["sam"], account="acme-main", sales=sales, introducer=introducer)
    with pytest.raises(NotAChecker):
        decide_approval(approval_id=asked.id, actor=desk["tara"], approve=True)
    assert decide_approval(approval_id=asked.id, actor=desk["rita"], approve=True).status == "EXECUTED"


def test_a_deal_keeps_mid_rates_trader_sales_and_introducer_of_its_moment(desk: dict[str, Actor]) -> None:
    acme = world.firm("acme")
    first = house.deal(acme, Side.BUY, "1")
    cover(desk, {"sam": D("62.5"), "sue": D("37.5")}, "shop")
    second = house.deal(acme, Side.BUY, "1")
    cover(desk, {"sue": D(100)})
    versions = {v.trade_id: v for v in TradeVersion.objects.select_related("introducer")}
    assert (versions[first.id].sales, versions[first.id].introducer) == ([], None)
    kept = versions[second.id]
    assert kept.sales == [{"person": str(desk["sam"].id), "share": "62.5"}, {"person": str(desk["sue"].id), "share": "37.5"}]
    assert kept.introducer is not None
    assert kept.introducer.code == "shop"
    assert (kept.reference_mid, kept.trader_id) == (D(20000), None)
    assert kept.trader_rate is not None
    assert kept.price > kept.trader_rate > kept.reference_mid


@pytest.mark.parametrize(
    ("sales", "introducer", "pointer"),
    [
        ({"sam": D(60)}, "", "/sales"),
        ({"sam": D(60), "sue": D(41)}, "", "/sales"),
        ({"sam": D(0), "sue": D(100)}, "", "/sales"),
        ({"nobody": D(100)}, "", "/sales"),
        ({"tara": D(100)}, "", "/sales"),
        ({"sam": D(100)}, "venue", "/introducer"),
        ({"sam": D(100)}, "nobody", "/introducer"),
    ],
)
def test_what_is_no_coverage_is_refused(desk: dict[str, Actor], sales: dict[str, D], introducer: str, pointer: str) -> None:
    world.firm("acme")
    with pytest.raises(BadCoverage) as no:
        propose_coverage(actor=desk["sam"], account="acme-main", sales=sales, introducer=introducer)
    assert no.value.extra["pointer"] == pointer
    with pytest.raises(RoleMissing):
        propose_coverage(actor=desk["rita"], account="acme-main", sales={}, introducer="")


def test_the_command_asks_risk(desk: dict[str, Actor], capsys: pytest.CaptureFixture[str]) -> None:
    world.firm("acme")
    call_command("propose_coverage", "acme-main", "--sales", "sam=60", "--sales", "sue=40", "--introducer", "shop", "--by", "sam")
    assert "Coverage of acme-main: sam 60 %, sue 40 %: risk is asked" in capsys.readouterr().out
    with pytest.raises(CommandError, match="bad_coverage"):
        call_command("propose_coverage", "acme-main", "--sales", "sam=60", "--by", "sam")
