"""The record of a transfer in versions, where wallets lie, and what other VASPs say to what we tell them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.clients.errors import BadSsi
from apps.clients.rules import identity, places
from apps.compliance.errors import BadTravelData
from apps.compliance.models import TravelMessage, TravelRecord, WalletHost
from apps.compliance.queries.travel import find_record
from apps.compliance.rules import ivms101
from apps.compliance.states import MESSAGE, MessageStatus
from apps.core import db, ids
from apps.core.unit import step
from apps.events import operations as events


@step
def keep(
    *,
    subject_type: str,
    subject_id: UUID,
    payload: Mapping[str, Any],
    source: str,
    now: datetime,
    tell: WalletHost | None = None,
    message: str = "",
    vasp_name: str = "",
    vasp_lei: str = "",
    evidence: str = "",
    made_by: UUID | None = None,
) -> TravelRecord:
    """Keep a record where it says something new; the one that stands. The caller holds the transfer's row.

    :param tell: the beneficiary's VASP, which is told of a complete record before anything leaves
    :param vasp_name: who told it, as the network knows them; with `vasp_lei`
    """
    old, faults = find_record(subject_id), ivms101.faults(payload, today=now.date())
    if old is not None and old.payload == payload and old.faults == faults and source == old.source:
        return old
    made = TravelRecord(
        id=ids.uuid7(),
        subject_type=subject_type,
        subject_id=subject_id,
        version=1 if old is None else old.version + 1,
        payload=dict(payload),
        faults=faults,
        source=source,
        message=message[:80],
        vasp_name=vasp_name[:100],
        vasp_lei=vasp_lei[:20],
        evidence=evidence[:200],
        made_by=made_by,
        made_at=now,
    )
    db.insert(made)
    if tell is not None and tell.vasp_lei and not faults:
        db.insert(TravelMessage(id=ids.uuid7(), record=made, vasp_name=tell.vasp_name, vasp_lei=tell.vasp_lei, status=MessageStatus.DUE))
    house = {"version": made.version, "faults": faults, "source": source, "vasp": vasp_name}
    events.record("travel.recorded", subject_type=subject_type, subject_id=subject_id, house=house)
    return made


@step
def set_host(
    *, over: WalletHost | None, address: str, vasp_name: str, vasp_lei: str, evidence: str, made_by: UUID, now: datetime
) -> WalletHost:
    """Say at which VASP a wallet lies; without a name: in its owner's own hands. The rest is what :func:`require_host` took.

    :param over: what was known of it when that was decided
    :raises BadTravelData: somebody else has said something else meanwhile
    """
    made = WalletHost(
        id=ids.uuid7(),
        address=address,
        version=1 if over is None else over.version + 1,
        vasp_name=vasp_name,
        vasp_lei=vasp_lei,
        evidence=evidence,
        set_by=made_by,
        set_at=now,
    )
    taken = BadTravelData("somebody else has set it at this moment", pointer="address")
    db.insert(made, refuse={"wallethost_version": taken})
    events.record("travel.host_set", subject_type="wallet_host", subject_id=made.id, house={"address": address, "vasp": vasp_name})
    return made


def require_host(*, address: str, vasp_name: str, vasp_lei: str, evidence: str) -> str:
    """The wallet's address as settlement instructions have it.

    :raises BadTravelData: no wallet, half a VASP, no LEI, or no evidence
    """
    for name, value, most in (("address", address, 120), ("vasp_name", vasp_name, 100), ("evidence", evidence, 200)):
        if len(value) > most or not value.isprintable() or (not value and name != "vasp_name"):
            raise BadTravelData(f"{name}: a text of at most {most} characters", pointer=name)
    if bool(vasp_name) != bool(vasp_lei):
        raise BadTravelData("a VASP has a name and an LEI; a wallet in its owner's hands has neither", pointer="vasp_lei")
    if vasp_lei and not identity.is_lei(vasp_lei):
        raise BadTravelData(f"{vasp_lei}: no LEI", pointer="vasp_lei")
    try:
        return places.read_wallet(address)
    except BadSsi as no:
        raise BadTravelData(no.detail, pointer="address") from None


@step
def answered(*, message_id: UUID, status: str, reason: str, now: datetime) -> TravelMessage:
    """DUE, NO_ANSWER → what the VASP said; a lost answer leaves it to be asked again by its own id."""
    one = TravelMessage.objects.select_for_update(no_key=True, of=("self",)).select_related("record").get(id=message_id)
    if one.status not in {MessageStatus.DUE, MessageStatus.NO_ANSWER}:
        return one
    said = MessageStatus(status)
    news = said != one.status
    if news:
        MESSAGE.move(one, said)
    one.tries, one.tried_at, one.reason = one.tries + 1, now, reason[:200]
    one.answered_at = now if said != MessageStatus.NO_ANSWER else None
    one.save(update_fields=["status", "tries", "tried_at", "reason", "answered_at"])
    if news:
        house = {"vasp": one.vasp_name, "status": str(said), "reason": one.reason}
        events.record("travel.answered", subject_type=one.record.subject_type, subject_id=one.record.subject_id, house=house)
    return one
