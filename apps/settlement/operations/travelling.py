"""Who sends and who receives, with every transfer of crypto (FATF 16): what of it we know goes into its record before anything moves."""

from datetime import datetime
from typing import Any

from stdnum import lei as lei_code

from apps.clients.models import Counterparty, Ssi
from apps.compliance import rules as names
from apps.compliance.models import TravelRecord, WalletHost
from apps.compliance.operations import travel
from apps.compliance.queries.travel import find_host, find_record
from apps.compliance.rules import ivms101
from apps.core.unit import step
from apps.instruments.models import BookingEntity
from apps.settlement.models import Instruction, Receipt, VenuePlace


@step
def record_payment(*, instruction: Instruction, now: datetime) -> None:
    """The record of a payment of ours on a chain, anew where what it says has changed; its VASP, where one is known, is to be told.

    :param instruction: locked, or made in this transaction
    """
    i = instruction
    if i.direction != "PAY" or i.nostro.rail.kind != "CHAIN" or not (i.beneficiary_name and i.beneficiary_address):
        return
    ours, owner = _house(i.entity), None if i.account is None else i.account.owner
    is_owner = owner is not None and names.same(owner.name, i.beneficiary_name)
    beneficiary = _client(owner) if is_owner and owner is not None else ivms101.legal_person(i.beneficiary_name[:100])
    originator = _client(owner) if i.withdrawal_id is not None and owner is not None else ours
    host = find_host(i.beneficiary_address)
    place = None if i.house_transfer is None else i.house_transfer.place
    if place is not None and names.same(i.entity.name, i.beneficiary_name):
        beneficiary = ours
    made = ivms101.record(
        originator=originator,
        originator_account=i.nostro.address[:100],
        beneficiary=beneficiary,
        beneficiary_account=i.beneficiary_address[:100],
        ours=ours,
        theirs=_vasp(host) or _venue(place),
        out=True,
    )
    travel.keep(subject_type="instruction", subject_id=i.id, payload=made, source="FILE", tell=host, now=now)


@step
def record_receipt(*, receipt: Receipt, sender: Ssi | None, now: datetime, place: VenuePlace | None = None) -> TravelRecord | None:
    """The record of a transfer to us on a chain: what its VASP or compliance said of it, else what the chain and our own file say.

    :param receipt: locked
    :param sender: whose wallet it came from, where that is a client's
    :param place: with which venue it lay, where it is our own money from there
    """
    if receipt.nostro.rail.kind != "CHAIN":
        return None
    old = find_record(receipt.id)
    if old is not None and old.source != "FILE":
        return old
    ours = _house(receipt.nostro.entity)
    known = sender is not None and names.same(receipt.sender_name, sender.holder)
    originator: dict[str, Any] = {}
    if place is not None:
        originator = ours
    elif known and sender is not None:
        originator = _client(sender.account.owner)
    elif receipt.sender_name:
        originator = ivms101.legal_person(receipt.sender_name[:100])
    made = ivms101.record(
        originator=originator,
        originator_account=receipt.sender_address[:100],
        beneficiary=ours,
        beneficiary_account=receipt.nostro.address[:100],
        ours=ours,
        theirs=_vasp(find_host(receipt.sender_address)) or _venue(place),
        out=False,
    )
    return travel.keep(subject_type="receipt", subject_id=receipt.id, payload=made, source="FILE", now=now)


def sender_names(receipt: Receipt, record: TravelRecord | None) -> list[str]:
    """Everybody whom its rail or its record names as the sender: neither takes the other's word away."""
    told = [receipt.sender_name, *(ivms101.names_of(record.payload, "originator") if record is not None else ())]
    return list(dict.fromkeys(name for name in told if name))


def _house(entity: BookingEntity) -> dict[str, Any]:
    return ivms101.legal_person(entity.name[:100], lei=_lei(entity.lei), customer=entity.code)


def _client(owner: Counterparty) -> dict[str, Any]:
    country = owner.country if len(owner.country) == 2 and owner.country.isascii() and owner.country.isupper() else ""
    return ivms101.legal_person(owner.name[:100], lei=_lei(owner.lei), customer=owner.code, country=country)


def _vasp(host: WalletHost | None) -> dict[str, Any] | None:
    return None if host is None or not host.vasp_lei else ivms101.legal_person(host.vasp_name, lei=host.vasp_lei)


def _venue(place: VenuePlace | None) -> dict[str, Any] | None:
    """A venue keeps the wallet: it is the other VASP, where its LEI is on file."""
    if place is None or not _lei(place.venue.lei):
        return None
    return ivms101.legal_person(place.venue.name[:100], lei=place.venue.lei)


def _lei(text: str) -> str:
    """One of our file that is none does not travel."""
    return text if len(text) == 20 and lei_code.is_valid(text) else ""
