"""Settlement instructions: proposed, approved, verified, cooled off, active, ended. Never edited: a change is a new one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings

from apps.clients import queries
from apps.clients.errors import SameMember, SsiKnown, SsiReplaced
from apps.clients.models import Account, ContactNumber, Ssi
from apps.clients.rules import places
from apps.clients.states import SSI, SsiStatus
from apps.core import db, ids
from apps.core.actor import Actor
from apps.core.unit import step
from apps.events import operations as events


@step
def create_ssi(*, account: Account, rail_code: str, asset_code: str, holder: str, address: str, bic: str, now: datetime) -> Ssi:
    """One out of the onboarding file, DRAFT: nobody of the client proposed it over the API."""
    made = Ssi(
        id=ids.uuid7(), account=account, rail_code=rail_code, asset_code=asset_code, holder=holder, address=address, bic=bic, created_at=now
    )
    db.insert(made)
    events.record("ssi.created", subject_type="ssi", subject_id=made.id, house={"account": account.code, "asset": asset_code})
    return made


@dataclass(frozen=True, slots=True)
class Place:
    """Where a member wants the account to be paid; `self_hosted`: a wallet whose keys the client itself holds."""

    rail: str
    kind: str  # of the rail: BANK or CHAIN
    asset: str
    address: str
    bic: str = ""
    self_hosted: bool = False


@step
def propose_ssi(*, account: Account, place: Place, member: Actor, valid_until: datetime | None, now: datetime) -> Ssi:
    """DRAFT by one member, in the name of the account's owner.

    :raises BadSsi: no such place: format, check digits, BIC, or an end that is over
    :raises SsiKnown: the account has this one already
    """
    places.require_ahead(valid_until, now, timedelta(hours=settings.SSI_COOLING_HOURS))
    made = _create(account, place, now, proposed_by=member.id, valid_until=valid_until)
    tell_ssi(ssi=made, kind="ssi.proposed")
    return made


@step
def enter_ssi(*, account: Account, place: Place, by: Actor, word: Mapping[str, str], now: datetime) -> Ssi:
    """VERIFYING, by one of operations on the client's word; the client is told.

    :param word: person of the client, channel, reference: who said so, how, and where that lies
    :raises BadSsi: no such place: format, check digits, BIC
    :raises SsiKnown: the account has this one already
    """
    made = _create(account, place, now, entered_by=by.id, word=dict(word))
    SSI.move(made, SsiStatus.VERIFYING)
    made.save(update_fields=["status"])
    tell_ssi(ssi=made, kind="ssi.entered", house=word)
    return made


def _create(account: Account, place: Place, now: datetime, **whose: Any) -> Ssi:
    """DRAFT, in the name of the account's owner.

    :param whose: the fields that say who wants it, and how that is known
    """
    places.require_place(place.rail, place.kind, place.address, place.bic, self_hosted=place.self_hosted)
    if queries.is_address_taken(account.id, place.rail, place.asset, place.address):
        raise SsiKnown(place.address)
    made = Ssi(
        id=ids.uuid7(),
        account=account,
        rail_code=place.rail,
        asset_code=place.asset,
        holder=account.owner.name,
        address=place.address,
        bic=place.bic,
        self_hosted=place.self_hosted,
        created_at=now,
        **whose,
    )
    db.insert(made)
    return made


@step
def approve_ssi(*, ssi: Ssi, member: Actor) -> None:
    """DRAFT → VERIFYING by a second member of the client; two keys of one member are one member.

    :raises SameMember: the member who proposed it
    """
    if member.id == ssi.proposed_by:
        raise SameMember("another member approves it")
    SSI.move(ssi, SsiStatus.VERIFYING)
    ssi.approved_by = member.id
    ssi.save(update_fields=["status", "approved_by"])
    tell_ssi(ssi=ssi, kind="ssi.verifying")


@dataclass(frozen=True, slots=True)
class Signers:
    """Who of ours verified it: two of operations, and compliance for a self-hosted wallet."""

    maker: UUID
    checker: UUID
    compliance: UUID | None = None


@step
def verify_ssi(*, ssi: Ssi, evidence_kind: str, evidence: Mapping[str, Any], by: Signers, cooling: timedelta, now: datetime) -> None:
    """VERIFYING → APPROVED: it cools off from now on."""
    SSI.move(ssi, SsiStatus.APPROVED)
    ssi.evidence_kind, ssi.evidence = evidence_kind, dict(evidence)
    ssi.verified_by, ssi.checked_by, ssi.compliance_by = by.maker, by.checker, by.compliance
    ssi.cooling_until = now + cooling
    ssi.save(update_fields=["status", "evidence_kind", "evidence", "verified_by", "checked_by", "compliance_by", "cooling_until"])
    tell_ssi(ssi=ssi, kind="ssi.approved", house={"evidence": evidence_kind, **evidence})


@step
def waive_cooling(*, ssi: Ssi, reason: str, now: datetime) -> None:
    """APPROVED: it has cooled off by now."""
    assert ssi.status == SsiStatus.APPROVED and ssi.cooling_until is not None
    ssi.cooling_until = min(ssi.cooling_until, now)
    ssi.save(update_fields=["cooling_until"])
    events.record("ssi.cooling_waived", subject_type="ssi", subject_id=ssi.id, house={"reason": reason})


@step
def activate_ssi(*, ssi: Ssi) -> None:
    """APPROVED or SUSPENDED → ACTIVE.

    :raises SsiReplaced: the account has another ACTIVE one in this asset
    """
    SSI.move(ssi, SsiStatus.ACTIVE)
    with db.refuse_on("ssi_one_active", SsiReplaced(f"{ssi.account.code} is paid in {ssi.asset_code} elsewhere by now")):
        ssi.save(update_fields=["status"])
    tell_ssi(ssi=ssi, kind="ssi.active")


@step
def suspend_ssi(*, ssi: Ssi, reason: str) -> None:
    """ACTIVE → SUSPENDED. The caller blocks what was to be paid on it."""
    SSI.move(ssi, SsiStatus.SUSPENDED)
    ssi.save(update_fields=["status"])
    tell_ssi(ssi=ssi, kind="ssi.suspended", house={"reason": reason})


@step
def end_ssi(*, ssi: Ssi, status: SsiStatus, reason: str, now: datetime) -> None:
    """→ REJECTED, REVOKED or EXPIRED, for good. The caller blocks what was to be paid on it."""
    SSI.move(ssi, status)
    ssi.ended_at = now
    ssi.save(update_fields=["status", "ended_at"])
    tell_ssi(ssi=ssi, kind=f"ssi.{status.lower()}", house={"reason": reason})


@step
def move_ssi(*, ssi: Ssi, status: SsiStatus, evidence: str) -> None:
    """A step of one out of the onboarding file."""
    SSI.move(ssi, status)
    ssi.save(update_fields=["status"])
    events.record(f"ssi.{status.lower()}", subject_type="ssi", subject_id=ssi.id, house={"evidence": evidence})


@step
def tell_ssi(*, ssi: Ssi, kind: str, house: Mapping[str, Any] | None = None) -> None:
    events.record(
        kind,
        subject_type="ssi",
        subject_id=ssi.id,
        client_id=ssi.account.owner_id,
        account_id=ssi.account_id,
        public=queries.describe_ssi(ssi),
        house={"title": f"{ssi.account.code} in {ssi.asset_code}", **(house or {})},
    )


@step
def keep_number(*, client_id: UUID, person: str, number: str, by: Actor, now: datetime) -> ContactNumber:
    """Put a number on file, at which a later change is confirmed by a call back.

    :raises BadNumber: not + and 8 to 15 digits
    """
    made = ContactNumber(
        id=ids.uuid7(),
        counterparty_id=client_id,
        person=person,
        number=places.read_number(number),
        recorded_by=by.id,
        recorded_at=now,
    )
    db.insert(made)
    events.record("contact_number.kept", subject_type="counterparty", subject_id=client_id, house={"number": str(made.id)})
    return made
