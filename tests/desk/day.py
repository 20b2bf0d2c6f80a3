"""A small desk day made by the platform's own workflows: what the desk's tests and pictures look at."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal as D
from typing import Any

from apps.approvals import operations as approvals
from apps.core import clock, ids
from apps.core.actor import SYSTEM, Actor, acting
from apps.core.unit import use_case
from apps.credit.errors import CreditExceeded
from apps.jobs import settlement as jobs
from apps.pricing.feeds import bus
from apps.pricing.rules import Composite, Level, Source
from apps.rfqs.operations import Ask
from apps.rfqs.states import Side
from apps.settlement import queries as settlement
from apps.trades.models import Trade
from apps.users.models import User
from apps.users.operations import create_staff
from apps.workflows.accept_quote import accept_quote
from apps.workflows.decide_approval import decide_approval
from apps.workflows.end_quote import decline_quote
from apps.workflows.import_fills import import_fills
from apps.workflows.onboard_client import register_counterparty
from apps.workflows.request_quote import request_quote
from apps.workflows.request_release import request_release
from apps.workflows.settle_net_set import agree_net_set
from tests import world
from tests.settlement import world as house
from tests.world import Firm

PASSWORD = "a long enough password"
STAFF = {
    "sam": ("Sam Sales", "sales"),
    "tara": ("Tara Trader", "trader"),
    "olga": ("Olga Operations", "operations"),
    "oscar": ("Oscar Operations", "operations"),
    "rita": ("Rita Risk", "risk"),
    "fay": ("Fay Finance", "finance"),
    "carl": ("Carl Compliance", "compliance"),
    "ada": ("Ada Admin", "admin"),
    "audrey": ("Audrey Auditor", "auditor"),
}
MIDS = {"BTC-USD": "68421.50", "ETH-USD": "2630.40", "BTC-EUR": "63012.25", "EUR-USD": "1.08585"}


@dataclass
class Day:
    acme: Firm
    borealis: Firm
    deals: list[Trade]
    approval: Any

    @property
    def deal(self) -> Trade:
        return self.deals[0]


def make_staff() -> dict[str, User]:
    return {n: create_staff(username=n, name=name, roles=[role], password=PASSWORD) for n, (name, role) in STAFF.items()}


def depth(pair: str, at: Any) -> Composite:
    mid = D(MIDS[pair])
    half = mid * D("0.00008")
    step = D("0.00001") if pair == "EUR-USD" else D("0.01")
    size = D("5000000") if pair == "EUR-USD" else D("50")
    bids = tuple(Level((mid - half * (i + 1)).quantize(step), size) for i in range(4))
    asks = tuple(Level((mid + half * (i + 1)).quantize(step), size) for i in range(4))
    sources = (Source("alpha", pair, at, 120, mid), Source("beacon", pair, at, 340, mid + step), Source("kite", pair, at, 80, mid - step))
    return Composite(pair=pair, bids=bids, asks=asks, as_of=at, sources=sources, sigma=D("0.5"))


def ask_for(firm: Firm, reference: str, pair: str, side: Side, quantity: str, *, ttl_ms: int = 10_000, answer_ms: int = 60_000) -> Any:
    request = Ask(reference, pair, side, D(quantity), None, "", ttl_ms, answer_ms)
    rate = D(1) if pair.endswith("USD") else D("1.0858")
    with acting(firm.trader):
        return request_quote(
            actor=firm.trader,
            account_id=None,
            ask=request,
            depth=depth(pair, clock.desk_now()),
            usd_per_quote=rate,
            elapsed_us=lambda: 1840,
        )


def deal(firm: Firm, reference: str, pair: str, side: Side, quantity: str) -> Trade:
    _, quote, _ = ask_for(firm, reference, pair, side, quantity)
    assert quote is not None
    with acting(firm.trader):
        trade, _, _ = accept_quote(
            actor=firm.trader, quote_id=quote.id, client_order_id=f"o-{reference}", side=side, price=getattr(quote, f"{side}_price")
        )
    return trade


@use_case
def ask_approval(*, maker: Actor, title: str, roles: list[str], kind: str = "ssi.activate", now: Any = None) -> Any:
    return approvals.request(
        kind=kind, subject_type="ssi", subject_id=ids.uuid7(), subject_version="1", title=title, maker=maker, checker_roles=roles, now=now,
        payload={"holder": "Acme Capital", "address": "DE89370400440532013000", "asset": "EUR"},
        before={"holder": "Acme Capital", "address": "DE02120300000000202051", "asset": "EUR"},
    )  # fmt: skip


def make_day(staff: dict[str, User], *, deals: int = 24) -> Day:
    """Two clients, `deals` deals over some hours, a declined quote, requests that wait, hedges, an approval and live prices."""
    house.open_house("USD", "EUR", "BTC", "ETH")
    acme, borealis = world.firm("acme", line=D(14_000_000)), world.firm("borealis", mode="CLIENT_FIRST", line=D(600_000))
    register_counterparty(code="helios", name="Helios Liquidity", lei="", country="US", roles=["LP"])
    pairs = [("BTC-USD", "1.5"), ("ETH-USD", "42"), ("BTC-EUR", "0.75"), ("EUR-USD", "250000")]
    at, made, cut = world.NOON, [], False
    for i in range(deals):
        at += timedelta(minutes=11, seconds=7 * (i % 5))
        if at > house.CUTOFF + timedelta(minutes=1) and not cut:
            cut = bool(house.at(house.CUTOFF, minutes=1))
            jobs.run_all()
        clock.freeze_desk(at)
        pair, size = pairs[(i * i + i // 3) % 4]
        firm = (acme, acme, borealis)[i % 3]
        quantity = str(D(size) * (1 + i % 4))
        try:
            made.append(deal(firm, f"r-{1000 + i}", pair, Side.BUY if i % 5 < 3 else Side.SELL, quantity))
        except CreditExceeded:
            continue
    if not cut:
        at = house.at(house.CUTOFF, minutes=1)
        jobs.run_all()
    with acting(acme.trader):
        _, quote, _ = ask_for(acme, "r-declined", "BTC-USD", Side.TWO_WAY, "1")
        decline_quote(actor=acme.trader, quote_id=quote.id)
    fills = "counterparty,execution_id,instrument,side,quantity,price,fee,executed_at\n"
    fills += f"helios,hx-1,BTC-USD,buy,3,68430.10,20.53,{at.isoformat()}\nhelios,hx-2,ETH-USD,buy,60,2630.9,15.79,{at.isoformat()}\n"
    with acting(staff["tara"].as_actor()):
        import_fills(text=fills, book_code="main", made_by=staff["tara"].id)
    ask_for(acme, "r-open-1", "BTC-USD", Side.TWO_WAY, "2", ttl_ms=30_000)
    ask_for(borealis, "r-open-2", "EUR-USD", Side.SELL, "100000", ttl_ms=10_000)
    ask_for(acme, "r-large-1", "BTC-USD", Side.BUY, "140", answer_ms=45_000)
    ask_for(acme, "r-large-2", "ETH-USD", Side.SELL, "2100", answer_ms=90_000)
    with acting(staff["olga"].as_actor()):
        approval = ask_approval(maker=staff["olga"].as_actor(), title="New settlement instruction of acme in EUR", roles=["operations"])
    for net_set in settlement.list_net_sets(SYSTEM):
        firm = acme if net_set.account_id == acme.account.id else borealis
        with acting(firm.treasury):
            agree_net_set(net_set_id=net_set.id, actor=firm.treasury)
    bus.publish([depth(pair, clock.desk_now()) for pair in ("BTC-USD", "ETH-USD", "EUR-USD")])
    return Day(acme, borealis, made, approval)


def settle_day(day: Day, staff: dict[str, User]) -> None:
    """The value day: acme's payments are released by two people and it pays in; borealis has no instructions on file and stays blocked."""
    house.at(house.VALUE_DAY)
    jobs.run_all()
    acme = day.acme.account.id
    ready = [i.id for i in settlement.list_instructions(SYSTEM) if i.status == "READY" and i.account_id == acme]
    olga, oscar = staff["olga"].as_actor(), staff["oscar"].as_actor()
    with acting(olga):
        asked = request_release(actor=olga, instruction_ids=ready)
    with acting(oscar):
        decide_approval(approval_id=asked.id, actor=oscar, approve=True, comment="amounts and addresses checked")
    jobs.run_all()
    addresses = {i.asset: i.address for i in world.INSTRUCTIONS["acme"]}
    for one in settlement.list_instructions(SYSTEM):
        if one.status == "EXPECTED" and one.account_id == acme:
            house.pay_in(one.asset_id, one.amount, name="Acme Capital", address=addresses[one.asset_id], remittance=one.end_to_end_id)
    house.pay_in("USD", D("125000"), name="Nobody we know", address="stranger-1", remittance="no reference")
    house.at(house.VALUE_DAY, hours=2)
    jobs.run_all()
