"""Capital paid in or taken out by the house's owners: asked by finance, granted by finance or risk, and by compliance. An owner whose name
the lists know gets nothing before two of compliance have said that it is not who they mean.
"""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.clients.errors import BadSsi
from apps.clients.rules import places
from apps.compliance import operations as compliance
from apps.compliance import queries as screenings
from apps.core import money
from apps.core.actor import Actor
from apps.core.unit import step, use_case
from apps.settlement import queries as settlement
from apps.settlement.errors import BadCapital
from apps.settlement.models import HouseTransfer
from apps.settlement.operations import capital, housing
from apps.settlement.queries import housing as queries
from apps.settlement.queries.locks import lock_receipt
from apps.settlement.states import HouseTransferStatus
from apps.users import rules as people

from . import screen_names

ACT, CLEAR = "capital", "client_clear"
WAITS = (HouseTransferStatus.REQUESTED, HouseTransferStatus.APPROVED, HouseTransferStatus.INSTRUCTED)
ALSO = [["compliance"]]  # whose money it is, and who gets it


@use_case
def ask_pay_in(*, actor: Actor, receipt_id: UUID, owner: str, reason: str, now: datetime) -> Approval:
    """Ask that a receipt in quarantine be booked as capital that an owner of the house has paid in.

    :raises AppError: RoleMissing, NotFound, BadCapital (`pointer` names the field), ApprovalOpen
    """
    people.require_may(actor.roles, ACT)
    settlement.get_receipt(receipt_id, actor=actor)
    receipt = lock_receipt(receipt_id)
    capital.require_open(receipt)
    who, why = _words(owner, "/owner", 120), _words(reason, "/reason", 200)
    amount = f"{money.text(receipt.amount)} {receipt.asset_id}"
    return approvals.request(
        kind="capital_in",
        subject_type="receipt",
        subject_id=receipt.id,
        subject_version=str(receipt.status),
        title=f"{amount} is capital of {who}"[:200],
        payload={"owner": who, "reason": why},
        before={"sender": receipt.sender_name, "account": receipt.sender_address, "amount": amount, "why": receipt.quarantine_reason},
        maker=actor,
        checker_roles=people.ACTS[ACT][1],
        also=ALSO,
        now=now,
    )


def version_in(approval: Approval) -> str:
    return str(lock_receipt(approval.subject_id).status)


@step
def pay_in(*, approval: Approval, checker: Actor, now: datetime) -> None:
    """What an approved request of kind "capital_in" does."""
    capital.pay_in(receipt=lock_receipt(approval.subject_id), owner=approval.payload["owner"], now=now)


@use_case
def ask_pay_out(
    *, actor: Actor, nostro_id: UUID, amount: Decimal, owner: str, address: str, bic: str = "", reason: str, now: datetime
) -> tuple[HouseTransfer, Approval]:
    """Ask that capital be paid out to an owner of the house, from an account with our own money.

    :param address: IBAN, account number or wallet of the owner; `bic` of its bank
    :raises AppError: RoleMissing, BadCapital (`pointer` names the field)
    """
    people.require_may(actor.roles, ACT)
    assert actor.id is not None
    nostro = settlement.list_nostros().filter(id=nostro_id, designation="HOUSE").first()
    if nostro is None:
        raise BadCapital("no account with our own money", pointer="/source")
    if not amount.is_finite() or not 0 < amount < Decimal(10) ** 18 or money.scale_of(amount) > nostro.asset.scale:
        raise BadCapital(f"above zero, in up to {nostro.asset.scale} decimals", pointer="/amount")
    try:
        places.require_place(nostro.rail_id, nostro.rail.kind, address, bic, self_hosted=False)
    except BadSsi as no:
        raise BadCapital(str(no.detail), pointer=no.extra.get("pointer", "/address")) from None
    who, why = _words(owner, "/owner", 120), _words(reason, "/reason", 200)
    given = {"source": nostro, "target": None, "owner": (who, address), "amount": amount, "reason": why}
    made = housing.request(**given, made_by=actor.id, now=now)  # type: ignore[arg-type]
    screen_names.screen_owner(transfer_id=made.id, owner=who, now=now)
    approval = approvals.request(
        kind="capital_out",
        subject_type="house_transfer",
        subject_id=made.id,
        subject_version=str(made.status),
        title=f"Capital: {money.text(amount)} {nostro.asset_id} to {who}"[:200],
        payload={"from": nostro.name, "to": who, "address": address, "bic": bic, "amount": money.text(amount), "reason": why},
        maker=actor,
        checker_roles=people.ACTS[ACT][1],
        also=ALSO,
        now=now,
    )
    return made, approval


@use_case
def ask_clearance(*, actor: Actor, transfer_id: UUID, evidence: str, now: datetime) -> Approval:
    """Ask another person of compliance that the lists hold a transfer of capital back no more: its owner is not who they mean.

    It counts for this transfer, until they say something new.

    :param evidence: what shows it, in 10 to 300 characters
    :raises AppError: RoleMissing, NotFound, BadCapital (no list holds it back, it has left or ended, or no evidence), ApprovalOpen
    """
    people.require_may(actor.roles, CLEAR)
    found = queries.lock(transfer_id)
    if not found.owner_address or found.status not in WAITS or not screenings.has_hit([found.id]):
        raise BadCapital("no list holds it back", pointer="/transfer")
    screen_names.require_evidence(evidence, bad=BadCapital)
    screened = compliance.screen(subject_type="house_transfer", subject_id=found.id, name=found.owner_name, now=now)
    return approvals.request(
        kind="owner_clear",
        subject_type="house_transfer",
        subject_id=found.id,
        subject_version=_waiting(found),
        title=f"{found.owner_name} gets {money.text(found.amount)} {found.asset_id} despite the lists"[:200],
        payload={"owner": found.owner_name, "address": found.owner_address, "screening": screened.found, "evidence": evidence},
        maker=actor,
        checker_roles=people.ACTS[CLEAR][1],
        now=now,
    )


def clearance_version(approval: Approval) -> str:
    return _waiting(queries.lock(approval.subject_id))


@step
def clear(*, approval: Approval, checker: Actor, now: datetime) -> None:
    """What an approved request of kind "owner_clear" does: what was matched is decided, and the gate lets the payment through.

    :raises BadCapital: the lists say something else of the name than when it was asked
    """
    owner = queries.lock(approval.subject_id).owner_name
    screen_names.decide(approval=approval, subject_type="house_transfer", name=owner, bad=BadCapital, now=now)


def _waiting(found: HouseTransfer) -> str:
    """The same from the request to its release, however far it has come."""
    return "waits" if found.status in WAITS else str(found.status)


def _words(text: str, pointer: str, most: int) -> str:
    words = text.strip()
    if not 0 < len(words) <= most or not words.isprintable():
        raise BadCapital(f"in words, up to {most} characters", pointer=pointer)
    return words
