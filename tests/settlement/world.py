"""What settlement's tests start from: funded accounts of ours, staff, deals, and the others who pay in."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from uuid import UUID

from apps.core import clock
from apps.core.actor import SYSTEM, Actor
from apps.core.unit import use_case
from apps.instruments import queries as instruments
from apps.jobs import settlement as jobs
from apps.ledger import operations as ledger
from apps.ledger.models import LedgerAccount
from apps.ledger.rules import Ref, credit, debit
from apps.ledger.states import Kind
from apps.rfqs.operations import Ask
from apps.rfqs.states import Side
from apps.settlement import operations as settlement_operations
from apps.settlement import queries as settlement
from apps.settlement.models import Instruction as Payment
from apps.settlement.models import Nostro
from apps.settlement.operations.nostros import business_date, till_of
from apps.settlement.rails import get_rail
from apps.settlement.rails.base import Place
from apps.settlement.rules import postings
from apps.trades.models import Trade
from apps.users import operations as users
from apps.workflows.accept_quote import accept_quote
from apps.workflows.decide_approval import decide_approval
from apps.workflows.onboard_client import Instruction
from apps.workflows.request_quote import request_quote
from apps.workflows.request_release import request_release
from apps.workflows.settle_net_set import agree_net_set
from tests import world

CUTOFF = datetime(2026, 9, 15, 15, 0, tzinfo=UTC)  # 16:00 in London, the day before value date 16 September
VALUE_DAY = datetime(2026, 9, 16, 8, 0, tzinfo=UTC)
ADDRESSES = {
    "USD": ("fedwire-usd", "flowdesk-usd-1"),
    "EUR": ("target-eur", "DE02120300000000202051"),
    "BTC": ("bitcoin-btc", "bc1qflowdesk"),
    "ETH": ("ethereum-eth", "0xflowdesk"),
}
CAPITAL = {"USD": D(10_000_000), "EUR": D(10_000_000), "BTC": D(1000), "ETH": D(10000)}
CYGNUS = (
    Instruction("fedwire-usd", "USD", "021000021-3001", "CHASUS33"),
    Instruction("bitcoin-btc", "BTC", "bc1qcygnus"),
)
THREE_PEOPLE = (("Trader", ("viewer", "trader")), ("Treasury", ("viewer", "settlement", "admin")), ("Controller", ("viewer", "settlement")))


@use_case
def open_nostro(*, asset: str, now: datetime) -> Nostro:
    rail, address = ADDRESSES[asset]
    entity = instruments.get_entity("flowdesk")
    return settlement_operations.create_nostro(
        entity_id=entity.id, rail_code=rail, asset_code=asset, name=f"{asset} house", address=address
    )


def open_house(*assets: str, **capital: D) -> dict[str, Nostro]:
    """Our accounts, with capital on them, at noon of a Tuesday."""
    clock.freeze_desk(world.NOON)
    out = {}
    for asset in assets or tuple(capital):
        out[asset] = open_nostro(asset=asset)
        fund(out[asset].id, capital.get(asset, CAPITAL[asset]))
    return out


def fund(nostro_id: UUID, amount: D, reference: str = "opening") -> None:
    """More capital on one of our accounts, in the ledger and on the simulated rail alike: what a test begins with, whoever paid it in."""
    jobs.place_at(nostro_id, amount, reference)
    _book_capital(nostro_id=nostro_id, amount=amount, reference=reference)


@use_case
def _book_capital(*, nostro_id: UUID, amount: D, reference: str, now: datetime) -> None:
    nostro = settlement.list_nostros().get(id=nostro_id)
    ledger.post(
        key=f"funding:{nostro.id}:{reference}",
        kind="FUNDING",
        source_type="nostro",
        source_id=nostro.id,
        lines=[debit(till_of(nostro).ref(Kind.NOSTRO), amount), credit(Ref(nostro.entity_id, Kind.CAPITAL, nostro.asset_id), amount)],
        effective_at=now,
        business_date=business_date(nostro.entity_id, now),
        narrative=f"capital {reference}",
    )


def staff(name: str, *roles: str, superuser: bool = False) -> Actor:
    return users.create_staff(
        username=name, name=f"{name.title()} Staff", roles=roles, password="a long demo password", superuser=superuser
    ).as_actor()


_asked = [0]


def deal(
    firm: world.Firm, side: Side, quantity: str, mid: str = "20000", pair: str = "BTC-USD", size: str = "100", half_spread: str = "1"
) -> Trade:
    """Ask and accept at once."""
    _asked[0] += 1
    _, quote, _ = request_quote(
        actor=firm.trader,
        account_id=None,
        ask=Ask(f"r{_asked[0]}", pair, side, D(quantity), None, "", 10_000, 60_000),
        depth=world.depth(pair, mid, at=clock.desk_now(), size=size, half_spread=half_spread),
        usd_per_quote=D(1),
        elapsed_us=lambda: 1,
    )
    assert quote is not None
    price = quote.buy_price if side is Side.BUY else quote.sell_price
    trade, _, _ = accept_quote(actor=firm.trader, quote_id=quote.id, client_order_id=f"o{_asked[0]}", side=side, price=price)
    return trade


def owing(side: Side = Side.BUY, quantity: str = "1") -> world.Firm:
    """Acme, a credit client to whom we owe 1 BTC (of a SELL: dollars), agreed and ready to be released on its value date."""
    open_house("USD", "BTC")
    firm = world.firm("acme")
    deal(firm, side, quantity)
    fall_due(firm)
    return firm


def fall_due(firm: world.Firm) -> None:
    """What it has dealt is netted, agreed by it and due today, and the gate has looked at what we owe."""
    at(CUTOFF, seconds=10)
    jobs.freeze_due()
    for net_set in settlement.list_net_sets(SYSTEM).filter(status="FROZEN"):
        agree_net_set(net_set_id=net_set.id, actor=firm.treasury)
    at(VALUE_DAY)
    jobs.review_queue()


def sold(acme: world.Firm, quantity: str) -> Trade:
    """Acme has sold bitcoin, agreed, and delivered them on the value date; the gate has looked at what we owe."""
    trade = deal(acme, Side.SELL, quantity)
    at(CUTOFF, seconds=10)
    jobs.run_all()
    (net_set,) = settlement.list_net_sets(SYSTEM)
    agree_net_set(net_set_id=net_set.id, actor=acme.treasury)
    at(VALUE_DAY)
    coins = only("EXPECTED")
    pay_in("BTC", D(quantity), name="Acme Capital", address=world.INSTRUCTIONS["acme"][2].address, remittance=coins.end_to_end_id)
    at(VALUE_DAY, hours=2)
    jobs.run_all()
    return trade


def prefunded(dollars: D) -> world.Firm:
    """Cygnus, which deals on what it has paid in: these dollars."""
    open_house("USD", "BTC")
    firm = world.firm("cygnus", mode="PREFUNDED", members=THREE_PEOPLE, instructions=CYGNUS)
    pay_in("USD", dollars, name="Cygnus Capital", address="021000021-3001")
    jobs.poll_rails()
    jobs.match_receipts()
    return firm


def place(asset: str) -> Place:
    return next(jobs.place_of(one) for one in settlement.list_places() if one.asset == asset)


@use_case
def open_client_money(*, asset: str, now: datetime) -> Nostro:
    """An account of ours that holds nothing but safeguarded money of clients."""
    rail, address = ADDRESSES[asset]
    return settlement_operations.create_nostro(
        entity_id=instruments.get_entity("flowdesk").id,
        rail_code=rail,
        asset_code=asset,
        name=f"{asset} clients",
        address=f"{address}-clients",
        designation="CLIENT",
    )


@use_case
def take_client_money(*, asset: str, amount: D, designation: str = "CLIENT", key: str = "", now: datetime) -> None:
    """A charge eats into safeguarded money (or into the house's): what must never be answered by paying out more."""
    nostro = settlement.list_nostros().get(asset_id=asset, designation=designation)
    ledger.post(
        key=f"charge:{asset}:{amount}{key}",
        kind="CHARGE",
        source_type="nostro",
        source_id=nostro.id,
        lines=postings.charge(till_of(nostro), instruments.get_book("main").id, amount),
        effective_at=now,
        business_date=now.date(),
    )


def pay_in(
    asset: str,
    amount: D,
    *,
    name: str,
    address: str,
    remittance: str = "",
    at: datetime | None = None,
    dropped: bool = False,
    designation: str = "HOUSE",
) -> str:
    ours = settlement.list_nostros().get(asset_id=asset, designation=designation)
    watched = next(one for one in settlement.list_places() if one.nostro_id == ours.id)
    return get_rail(watched.rail, watched.kind).pay_in(  # type: ignore[attr-defined]
        jobs.place_of(watched), amount, sender_name=name, sender_address=address, remittance=remittance,
        at=at or clock.desk_now(), dropped=dropped,
    )  # fmt: skip


def release(*instructions: UUID, maker: Actor | None = None, checker: Actor | None = None, also: Sequence[Actor] = (), **kw: object) -> str:
    """Asked by olga, approved by oscar and then by `also`; the approval's end."""
    asked = request_release(actor=maker or staff("olga", "operations"), instruction_ids=instructions, **kw)
    for who in (checker or staff("oscar", "operations"), *also):
        done = decide_approval(approval_id=asked.id, actor=who, approve=True)
    return str(done.status)


def ready() -> list[Payment]:
    return [i for i in settlement.list_instructions(SYSTEM) if i.status == "READY"]


def only(status: str) -> Payment:
    found = [i for i in settlement.list_instructions(SYSTEM) if i.status == status]
    assert len(found) == 1, [(i.asset_id, i.direction, i.status) for i in settlement.list_instructions(SYSTEM)]
    return found[0]


def balances() -> dict[str, D]:
    """Every ledger balance that is not zero, debits positive: 'NOSTRO BTC' → amount, owners added up."""
    out: dict[str, D] = {}
    for one in LedgerAccount.objects.exclude(amount=0):
        name = f"{one.kind} {one.asset_code}"
        out[name] = out.get(name, D(0)) + one.amount
    return {name: amount for name, amount in sorted(out.items()) if amount}


def at(moment: datetime, **delta: float) -> datetime:
    later = moment + timedelta(**delta)
    clock.freeze_desk(later)
    return later
