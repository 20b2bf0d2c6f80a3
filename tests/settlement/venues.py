"""What tests of transfers with a venue start from: a venue, our places there, and what it and the rails do to us."""

from datetime import datetime
from decimal import Decimal as D
from typing import Any

from apps.approvals.models import Approval
from apps.core import clock
from apps.core.unit import use_case
from apps.instruments import queries as instruments
from apps.jobs import settlement as jobs
from apps.jobs import venues as venue_jobs
from apps.ledger import operations as ledger
from apps.ledger.rules import Ref, credit, debit
from apps.ledger.states import Kind
from apps.settlement import queries as settlement
from apps.settlement.models import HouseTransfer, Instruction, Nostro, VenuePlace
from apps.settlement.operations.venue_places import Way
from apps.settlement.queries import venues
from apps.settlement.rails import outside
from apps.settlement.rails.base import Place
from apps.settlement.rails.venue_sim import VenueSimulator
from apps.settlement.rules.postings import VenueTill
from apps.workflows.decide_approval import decide_approval
from apps.workflows.onboard_client import register_counterparty
from apps.workflows.pay_in_at_venues import request_venue_place
from apps.workflows.transfer_house import ask_house_transfer
from tests.people import staff
from tests.settlement import world as here

LEI = "529900T8BM49AURSDO55"
WAYS = {
    "USD": Way("fedwire-usd", "021000021-7001", "Northgate Exchange", "CHASUS33", "FLOW-77"),
    "BTC": Way("bitcoin-btc", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", "Flowdesk Ltd"),
}


def open_venue(*assets: str) -> dict[str, VenuePlace]:
    """Northgate, a venue, with a place of ours for each asset."""
    register_counterparty(code="northgate", name="Northgate Exchange", lei=LEI, country="GB", roles=["VENUE"])
    return {asset: set_place(WAYS[asset]) for asset in assets}


def open_ends() -> tuple[dict[str, Nostro], dict[str, VenuePlace]]:
    """Our accounts, and 100,000 dollars and 5 coins that the venue keeps."""
    ours, places = here.open_house("USD", "BTC"), open_venue("USD", "BTC")
    for asset, amount in (("USD", D(100_000)), ("BTC", D(5))):
        keeps(place=places[asset], amount=amount)
    return ours, places


def ask_place(way: Way, who: str = "olga", role: str = "operations", venue: str = "northgate") -> Approval:
    entity = instruments.get_entity("flowdesk").id
    return request_venue_place(actor=staff(who, role), entity_id=entity, counterparty=venue, way=way, reason="as in the contract")


def set_place(way: Way) -> VenuePlace:
    decide(ask_place(way))
    return next(one for one in venues.list_places() if one.rail_id == way.rail)


def decide(asked: Approval) -> None:
    assert decide_approval(approval_id=asked.id, actor=staff("fay", "finance"), approve=True).status == "EXECUTED"


def approved(source: Nostro | VenuePlace, target: Nostro | VenuePlace, amount: str) -> HouseTransfer:
    """Asked by operations, checked by finance, and instructed."""
    given = {"source_id": source.id, "target_id": target.id, "amount": D(amount), "reason": "to trade on"}
    made, asked = ask_house_transfer(actor=staff("olga", "operations"), **given)
    decide(asked)
    jobs.instruct_due()
    made.refresh_from_db()
    return made


def sent(source: Nostro | VenuePlace, target: Nostro | VenuePlace, amount: str) -> HouseTransfer:
    """… released by two of operations, and sent."""
    made = approved(source, target, amount)
    assert here.release(made.instruction.id) == "EXECUTED"
    jobs.send_released()
    made.refresh_from_db()
    return made


def at_venue(asset: str) -> Place:
    return venue_jobs.place_of("northgate", "flowdesk", asset)


def reaches(asset: str, amount: D, *, key: str = "", transaction: str = "") -> str:
    """The venue shows our money from now on."""
    return VenueSimulator().pay_in(at_venue(asset), amount, at=clock.desk_now(), key=key, transaction=transaction)


def payment_of(made: HouseTransfer) -> Instruction:
    return Instruction.objects.get(house_transfer=made)


def read_all() -> None:
    """Every record and statement, and what they mean."""
    jobs.poll_rails()
    venue_jobs.poll_venues()
    jobs.match_receipts()


def place_of(nostro: Nostro) -> Place:
    return next(jobs.place_of(one) for one in settlement.list_places() if one.nostro_id == nostro.id)


def arrives(nostro: Nostro, amount: D, *, transaction: str = "", name: str = "", address: str = "", remittance: str = "") -> None:
    """A rail shows what a venue sent us."""

    def act(doc: dict[str, Any]) -> None:
        line = {"kind": "RECEIPT", "amount": str(amount), "counterparty_name": name, "counterparty_address": address}
        outside.add(doc, at=clock.desk_now(), remittance=remittance, **line, **({"reference": transaction} if transaction else {}))

    outside.change(place_of(nostro), act)


@use_case
def keeps(*, place: VenuePlace, amount: D, now: datetime) -> None:
    """Money of ours that the venue has had all along."""
    ledger.post(
        key=f"kept:{place.id}",
        kind="OPENING",
        source_type="venue",
        source_id=place.venue_id,
        lines=[
            debit(VenueTill(place.entity_id, place.venue_id, place.asset_id).ref(Kind.NOSTRO), amount),
            credit(Ref(place.entity_id, Kind.CAPITAL, place.asset_id), amount),
        ],
        effective_at=now,
        business_date=now.date(),
    )
