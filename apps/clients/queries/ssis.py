"""Where we pay an account: settlement instructions through who may see them, and what a sweep has to do with them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from apps.clients.models import ContactNumber, Ssi
from apps.clients.states import SsiStatus
from apps.core import db, ids
from apps.core.actor import Actor
from apps.core.errors import NotFound

KNOWN = [SsiStatus.APPROVED, SsiStatus.ACTIVE, SsiStatus.SUSPENDED]
USABLE = [*KNOWN, SsiStatus.DRAFT, SsiStatus.VERIFYING]
BATCH = 500


def find_active_ssi(account_id: UUID, asset_code: str) -> Ssi | None:
    return Ssi.objects.filter(account_id=account_id, asset_code=asset_code, status=SsiStatus.ACTIVE).first()


def lock_active_ssi(account_id: UUID, asset_code: str) -> Ssi | None:
    """The ACTIVE one, which nobody suspends or replaces before this transaction has written what it pays on it."""
    rows = Ssi.objects.select_for_update(no_key=True, of=("self",))
    return rows.filter(account_id=account_id, asset_code=asset_code, status=SsiStatus.ACTIVE).first()


def find_sender(address: str) -> Ssi | None:
    """Whose address money came from: any instruction ever approved for an account of ours."""
    rows = Ssi.objects.select_related("account", "account__owner").filter(address=address, status__in=KNOWN)
    return rows.order_by("-created_at", "-id").first()


def list_senders(account_ids: Iterable[UUID]) -> dict[tuple[UUID, str], list[str]]:
    """Addresses from which each account's own money is known to come, by account and asset."""
    out: dict[tuple[UUID, str], list[str]] = {}
    rows = Ssi.objects.filter(account_id__in=list(account_ids), status__in=KNOWN).order_by("address")
    for account_id, asset, address in rows.values_list("account_id", "asset_code", "address").distinct():
        out.setdefault((account_id, asset), []).append(address)
    return out


def ssis_visible_to(actor: Actor) -> "QuerySet[Ssi]":
    """A member sees those of its key's accounts; staff see all."""
    rows = Ssi.objects.select_related("account", "account__owner").order_by("-created_at", "-id")
    if actor.is_client:
        return rows.filter(account__owner_id=actor.client_id, account_id__in=actor.account_ids or ())
    return rows if actor.kind in {"STAFF", "SYSTEM"} else rows.none()


def get_ssi(ssi_id: UUID, *, actor: Actor) -> Ssi:
    """:raises NotFound: there is none, or not for this actor"""
    found = ssis_visible_to(actor).filter(id=ssi_id).first()
    if found is None:
        raise NotFound("no such settlement instruction")
    return found


def lock_ssi(ssi_id: UUID, *, actor: Actor) -> Ssi:
    """Its account's row first, then its own.

    :raises NotFound: there is none, or not for this actor
    """
    db.send("SELECT 1 FROM clients_account WHERE id = %s FOR NO KEY UPDATE", (get_ssi(ssi_id, actor=actor).account_id,))
    return ssis_visible_to(actor).select_for_update(no_key=True, of=("self",)).get(id=ssi_id)


def list_drafts_of(member_id: UUID) -> list[Ssi]:
    """What a member proposed and no other one has approved."""
    return list(Ssi.objects.filter(proposed_by=member_id, status=SsiStatus.DRAFT).order_by("created_at", "id"))


def is_address_taken(account_id: UUID, rail_code: str, asset_code: str, address: str) -> bool:
    """Whether the account has an instruction to this place that is in use or on its way there."""
    rows = Ssi.objects.filter(account_id=account_id, rail_code=rail_code, asset_code=asset_code, address=address)
    return rows.filter(status__in=USABLE).exists()


def list_due_ssis(now: datetime) -> list[UUID]:
    """Those that have cooled off, and those whose time is over: for the sweep, unlocked, the oldest first."""
    cooled = Q(status=SsiStatus.APPROVED, cooling_until__lte=now)
    over = Q(status__in=KNOWN, valid_until__lte=now)
    return list(Ssi.objects.filter(cooled | over).order_by("created_at", "id").values_list("id", flat=True)[:BATCH])


def list_numbers(client_id: UUID) -> list[ContactNumber]:
    """Numbers on file of a client, the newest first."""
    return list(ContactNumber.objects.filter(counterparty_id=client_id).order_by("-recorded_at", "-id"))


def get_number(number_id: UUID, *, client_id: UUID) -> ContactNumber:
    """:raises NotFound: no such number of this client"""
    found = ContactNumber.objects.filter(id=number_id, counterparty_id=client_id).first()
    if found is None:
        raise NotFound("no such number of this client")
    return found


def describe_ssi(ssi: Ssi) -> dict[str, Any]:
    """As its client is told."""
    return {
        "id": ids.encode("ssi", ssi.id),
        "account_id": ids.encode("acc", ssi.account_id),
        "asset": ssi.asset_code,
        "rail": ssi.rail_code,
        "holder": ssi.holder,
        "address": ssi.address,
        "bic": ssi.bic,
        "self_hosted": ssi.self_hosted,
        "status": str(ssi.status),
        "proposed_by": None if ssi.proposed_by is None else ids.encode("mem", ssi.proposed_by),
        "entered_by_us": ssi.entered_by is not None,
        "approved_by": None if ssi.approved_by is None else ids.encode("mem", ssi.approved_by),
        "created_at": _at(ssi.created_at),
        "active_from": _at(ssi.cooling_until),
        "valid_until": _at(ssi.valid_until),
        "ended_at": _at(ssi.ended_at),
    }


def _at(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
