"""Our own hands on where a client is paid: two of operations verify it on evidence, compliance too where the client holds the keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from apps.approvals import operations as approvals
from apps.approvals import queries as approval_queries
from apps.approvals.models import Approval
from apps.clients import operations as clients
from apps.clients import queries
from apps.clients.errors import BadEvidence, SsiReplaced
from apps.clients.models import ContactNumber, Ssi
from apps.clients.operations import Signers
from apps.clients.rules import places, wallets
from apps.clients.states import SsiStatus
from apps.core import ids, money
from apps.core.actor import SYSTEM, Actor
from apps.core.errors import IllegalMove
from apps.core.unit import step, use_case
from apps.instruments import queries as instruments
from apps.settlement import queries as settlement
from apps.users import rules as people

VERIFY, ENTER, WAIVE, RESUME = "ssi", "ssi_entry", "ssi_waiver", "ssi_resume"
NUMBER = "contact_number"
COMPLIANCE = "compliance"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What proves that a place is the client's own.

    CALL_BACK: `number_id` on file before the request, `person` who confirmed it. SIGNED_MESSAGE: `proof` is the signature of
    :func:`text_to_sign`. MICRO_TRANSFER: `proof` is the rail's reference of what came from the wallet, of :func:`amount_to_send`.
    """

    kind: str
    proof: str = ""
    person: str = ""
    number_id: UUID | None = None
    note: str = ""


@use_case
def keep_number(*, actor: Actor, client: str, person: str, number: str, now: datetime) -> ContactNumber:
    """Compliance puts a number of a client on file.

    :raises AppError: RoleMissing, NotFound, BadNumber, BadEvidence
    """
    people.require_may(actor.roles, NUMBER)
    if not person.strip():
        raise BadEvidence("whose number is it?", pointer="person")
    owner = queries.get_client(client)
    return clients.keep_number(client_id=owner.id, person=person.strip()[:120], number=number, by=actor, now=now)


@use_case
def request_verification(*, actor: Actor, ssi_id: UUID, evidence: Evidence, now: datetime) -> Approval:
    """Ask that a VERIFYING one be approved on this evidence; another one of operations answers, and compliance for a wallet that
    is self-hosted or proven by a signature of its key. One that operations entered takes a call back by another than who entered it, a
    wallet its own proof beside it, and risk or compliance answer.

    :raises AppError: RoleMissing, NotFound, IllegalMove, BadEvidence, ApprovalOpen
    """
    people.require_may(actor.roles, VERIFY)
    ssi = queries.lock_ssi(ssi_id, actor=actor)
    _require_status(ssi, SsiStatus.VERIFYING)
    told = _prove(ssi, evidence, actor.id)
    return approvals.request(
        kind=VERIFY,
        subject_type="ssi",
        subject_id=ssi.id,
        subject_version=_version(ssi),
        title=f"{ssi.account.code} is paid in {ssi.asset_code} at {ssi.address}"[:200],
        payload={"evidence": evidence.kind, "proof": told, "place": _place(ssi), "number": str(evidence.number_id or "")},
        before={"place": _place(queries.find_active_ssi(ssi.account_id, ssi.asset_code))},
        maker=actor,
        checker_roles=people.ACTS[VERIFY][1] if ssi.entered_by is None else people.ACTS[ENTER][1],
        also=[[COMPLIANCE]] if places.needs_compliance(evidence.kind, self_hosted=ssi.self_hosted) else [],
        now=now,
    )


@step
def verify(*, approval: Approval, checker: Actor, now: datetime) -> None:
    """What an approved request of kind "ssi" does: APPROVED, and cooling off.

    :raises BadEvidence: who entered it signs, one who signs put the number on file, or what came from the wallet does not stand any more
    """
    ssi = queries.lock_ssi(approval.subject_id, actor=SYSTEM)
    by = _signers(approval, checker)
    _require_not_entered_by(ssi, by.maker, by.checker, by.compliance)
    if approval.payload["number"]:
        number = queries.get_number(UUID(approval.payload["number"]), client_id=ssi.account.owner_id)
        _require_other_hands(number, by.checker, by.compliance)
    if "receipt" in approval.payload["proof"]:
        _require_came(ssi, approval.payload["proof"]["receipt"])
    asked, cooling = approval.payload, timedelta(hours=settings.SSI_COOLING_HOURS)
    clients.verify_ssi(ssi=ssi, evidence_kind=asked["evidence"], evidence=asked["proof"], by=by, cooling=cooling, now=now)


@use_case
def request_waiver(*, actor: Actor, ssi_id: UUID, reason: str, now: datetime) -> Approval:
    """Ask that one need not cool off: by operations with compliance, or the other way round, never by one of them alone.

    :raises AppError: RoleMissing, NotFound, IllegalMove, BadEvidence, ApprovalOpen
    """
    people.require_may(actor.roles, WAIVE)
    ssi = queries.lock_ssi(ssi_id, actor=actor)
    _require_status(ssi, SsiStatus.APPROVED)
    if ssi.entered_by is not None:
        raise BadEvidence("operations entered it: the client has the whole time to object")
    other = {"operations"} if COMPLIANCE in actor.roles else {COMPLIANCE}
    return _ask(ssi, WAIVE, f"{ssi.account.code} in {ssi.asset_code}: no cooling-off", reason, actor, other, now)


@step
def waive(*, approval: Approval, checker: Actor, now: datetime) -> None:
    """What an approved request of kind "ssi_waiver" does; the sweep activates it."""
    ssi = queries.lock_ssi(approval.subject_id, actor=SYSTEM)
    clients.waive_cooling(ssi=ssi, reason=approval.payload["why"], now=now)


@use_case
def request_resumption(*, actor: Actor, ssi_id: UUID, reason: str, now: datetime) -> Approval:
    """Ask that a SUSPENDED one be paid on again; another one of operations answers.

    :raises AppError: RoleMissing, NotFound, IllegalMove, SsiReplaced, BadEvidence (no reason, or of who entered it), ApprovalOpen
    """
    people.require_may(actor.roles, RESUME)
    ssi = queries.lock_ssi(ssi_id, actor=actor)
    _require_status(ssi, SsiStatus.SUSPENDED)
    if queries.find_active_ssi(ssi.account_id, ssi.asset_code) is not None:
        raise SsiReplaced(f"{ssi.account.code} is paid in {ssi.asset_code} elsewhere by now")
    _require_not_entered_by(ssi, actor.id)
    return _ask(ssi, RESUME, f"{ssi.account.code} in {ssi.asset_code}: pay on it again", reason, actor, people.ACTS[RESUME][1], now)


@step
def resume(*, approval: Approval, checker: Actor, now: datetime) -> None:
    """What an approved request of kind "ssi_resume" does.

    :raises SsiReplaced: another one is active by now
    :raises BadEvidence: the checker entered it
    """
    ssi = queries.lock_ssi(approval.subject_id, actor=SYSTEM)
    _require_not_entered_by(ssi, checker.id)
    clients.activate_ssi(ssi=ssi)


def version(approval: Approval) -> str:
    return _version(queries.lock_ssi(approval.subject_id, actor=SYSTEM))


def text_to_sign(ssi: Ssi) -> str:
    """What the owner of a wallet signs to prove that it is his."""
    return f"{ssi.holder} is paid in {ssi.asset_code} at {ssi.address} ({ids.encode('ssi', ssi.id)})"


def amount_to_send(ssi: Ssi) -> str:
    """What the owner of a wallet sends us from it to prove that it is his, in units of the asset."""
    scale = instruments.get_asset(ssi.asset_code).scale
    return money.text(places.micro_amount(ssi.id.int, scale))


def kinds_for(ssi: Ssi) -> tuple[str, ...]:
    """The kinds of evidence that prove this place."""
    return places.EVIDENCE[_rail_kind(ssi)]


def _rail_kind(ssi: Ssi) -> str:
    return next(one.kind for one in instruments.list_rails() if one.code == ssi.rail_code)


def _prove(ssi: Ssi, evidence: Evidence, maker_id: UUID | None) -> dict[str, str]:
    """The evidence as it is kept.

    :raises BadEvidence: it proves nothing
    """
    places.require_kind(_rail_kind(ssi), evidence.kind)
    note = {"note": evidence.note[:200]} if evidence.note else {}
    if ssi.entered_by is not None and ssi.entered_by == maker_id:
        raise BadEvidence("another than who entered it calls back")
    if evidence.kind == "CALL_BACK":
        return _called_back(ssi, evidence, maker_id) | note
    if ssi.entered_by is not None:  # a wallet proves itself, not that the client wants to be paid there
        note |= _called_back(ssi, evidence, maker_id)
    if evidence.kind == places.SELF_CUSTODY:
        text = text_to_sign(ssi)
        if not wallets.is_signed_by(ssi.address, text, evidence.proof):
            raise BadEvidence("not this wallet's signature of the text (of an Ethereum wallet; a Bitcoin wallet sends us the amount)")
        return {"text": text, "signature": evidence.proof} | note
    return {"receipt": evidence.proof, "amount": _require_came(ssi, evidence.proof)} | note


def _require_came(ssi: Ssi, reference: str) -> str:
    """The amount that this receipt has to be of.

    :raises BadEvidence: it is not, or is not cleared for this client
    """
    amount = amount_to_send(ssi)
    if not settlement.has_come(ssi.rail_code, reference, ssi.account.owner_id, sender=ssi.address, amount=amount, since=ssi.created_at):
        raise BadEvidence(f"no cleared receipt {reference} of {amount} {ssi.asset_code} from this wallet since it was proposed")
    return amount


def _called_back(ssi: Ssi, evidence: Evidence, maker_id: UUID | None) -> dict[str, str]:
    if evidence.number_id is None or not evidence.person.strip():
        raise BadEvidence("which number on file was called, and who confirmed it?")
    number = queries.get_number(evidence.number_id, client_id=ssi.account.owner_id)
    if number.recorded_at >= ssi.created_at:
        raise BadEvidence("this number came on file after the request")
    _require_other_hands(number, maker_id, ssi.entered_by)
    return {"number": number.number, "person": evidence.person.strip()[:120]}


def _require_other_hands(number: ContactNumber, *people_ids: UUID | None) -> None:
    if number.recorded_by is not None and number.recorded_by in people_ids:
        raise BadEvidence("who put the number on file neither enters what is verified by it nor verifies by it")


def _require_not_entered_by(ssi: Ssi, *people_ids: UUID | None) -> None:
    if ssi.entered_by is not None and ssi.entered_by in people_ids:
        raise BadEvidence("who entered it signs nothing else")


def _signers(approval: Approval, checker: Actor) -> Signers:
    """Whose signature is of operations and whose of compliance; the last one is the checker's."""
    slots, taken = approval_queries.read_slots(approval)
    assert checker.id is not None
    by = {n: taken.get(n, checker.id) for n in range(len(slots))}
    compliance = next((by[n] for n in by if slots[n] == [COMPLIANCE]), None)
    return Signers(approval.maker_id, next(by[n] for n in by if slots[n] != [COMPLIANCE]), compliance)


def _ask(ssi: Ssi, kind: str, title: str, reason: str, maker: Actor, checkers: "frozenset[str] | set[str]", now: datetime) -> Approval:
    if not reason.strip():
        raise BadEvidence("why?", pointer="reason")
    return approvals.request(
        kind=kind,
        subject_type="ssi",
        subject_id=ssi.id,
        subject_version=_version(ssi),
        title=title[:200],
        payload={"why": reason[:200], "place": _place(ssi)},
        maker=maker,
        checker_roles=checkers,
        now=now,
    )


def _version(ssi: Ssi) -> str:
    return str(ssi.status)


def _place(ssi: Ssi | None) -> Mapping[str, str]:
    if ssi is None:
        return {}
    return {"rail": ssi.rail_code, "holder": ssi.holder, "address": ssi.address, "bic": ssi.bic}


def _require_status(ssi: Ssi, status: SsiStatus) -> None:
    if ssi.status != status:
        raise IllegalMove(f"it is {ssi.status}", state=str(ssi.status))
