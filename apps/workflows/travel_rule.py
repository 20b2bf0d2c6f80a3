"""The travel rule: a VASP answers, one tells us who sends, compliance enters what came another way or says where a wallet lies."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.clients.rules import places
from apps.compliance import rules as names
from apps.compliance.errors import BadTravelData
from apps.compliance.models import TravelMessage, WalletHost
from apps.compliance.operations import travel
from apps.compliance.queries.travel import find_host, find_record, is_told
from apps.compliance.rails.travel import Inbound, Reply
from apps.compliance.rules import ivms101
from apps.core.actor import Actor
from apps.core.unit import step, use_case
from apps.settlement import queries as settlement
from apps.settlement.models import Receipt
from apps.settlement.operations import receipts, travelling
from apps.settlement.queries.locks import lock_receipt
from apps.settlement.queries.travelling import find_receipt
from apps.settlement.states import ReceiptStatus
from apps.users import rules as roles

ACT, HOST = "travel_data", "wallet_host"
WAITS = (ReceiptStatus.SEEN, ReceiptStatus.FINAL, ReceiptStatus.QUARANTINED)


@use_case
def record_reply(*, message_id: UUID, reply: Reply, now: datetime) -> TravelMessage:
    """What the beneficiary's VASP said; without an answer it is asked again by the message's own id."""
    return travel.answered(message_id=message_id, status=reply.status, reason=reply.reason, now=now)


@use_case
def hear(*, inbound: Inbound, now: datetime) -> tuple[bool, str] | None:
    """A sending VASP tells who sends: kept with the receipt, and a receipt that waited for it is cleared.

    Nothing is kept twice, over what was told or entered before, or of a receipt that waits no more: then it is answered only.

    :return: what to answer (accepted, and why not); None: the transfer has not been seen, so there is no answer yet
    """
    if bad := _why_unread(inbound):
        return False, bad
    found = find_receipt(address=inbound.address, reference=inbound.reference)
    if found is None:
        return None
    locked = receipts.lock_with_sender(found.id)
    if is_told(found.id, inbound.id):
        return True, ""
    if faults := _why_bad(inbound.payload, found, now):
        return False, faults[0][:200]
    last = find_record(found.id)
    if locked.status not in WAITS or (last is not None and last.source != "FILE"):
        known = travelling.sender_names(found, last)
        told = ivms101.names_of(inbound.payload, "originator")
        agrees = all(any(names.same(one, other) for other in known) for one in told)
        return (True, "") if agrees else (False, "it is known by now who sent this transfer: somebody else")
    vasp = {"vasp_name": inbound.vasp_name, "vasp_lei": inbound.vasp_lei}
    _keep(found.id, inbound.payload, source="MESSAGE", message=inbound.id, now=now, **vasp)
    return True, ""


@use_case
def request_travel_data(*, actor: Actor, receipt_id: UUID, originator: Mapping[str, Any], evidence: str, now: datetime) -> Approval:
    """One of compliance enters who sent a transfer, by what came another way; another one of compliance answers.

    :param originator: a person as IVMS101 has it (rules.ivms101.legal_person, natural_person)
    :raises AppError: RoleMissing, NotFound, BadTravelData, ApprovalOpen
    """
    roles.require_may(actor.roles, ACT)
    found = settlement.get_receipt(receipt_id, actor=actor)
    if found.nostro.rail.kind != "CHAIN":
        raise BadTravelData("the travel rule is about transfers of crypto")
    if not evidence:
        raise BadTravelData("name the evidence", pointer="evidence")
    last = find_record(found.id)
    payload = dict(last.payload) if last is not None else {}
    payload["originator"] = {"originatorPersons": [dict(originator)], "accountNumber": [found.sender_address or "unknown"]}
    if bad := _why_bad(payload, found, now):
        raise BadTravelData("; ".join(bad[:5]), faults=bad)
    return approvals.request(
        kind=ACT,
        subject_type="receipt",
        subject_id=found.id,
        subject_version=_version(found.id, str(found.status)),
        title=f"Who sent {found.rail_reference}",
        payload={"record": payload, "evidence": evidence[:200], "name": ivms101.name_of(payload, "originator")},
        before={"status": str(found.status), "why": found.quarantine_reason, "sender": found.sender_name},
        maker=actor,
        checker_roles=roles.ACTS[ACT][1],
        now=now,
    )


def version(approval: Approval) -> str:
    return _version(approval.subject_id, str(lock_receipt(approval.subject_id).status))


@step
def execute(*, approval: Approval, checker: Actor, now: datetime) -> None:
    """Keep what was entered; a receipt that waited for it is cleared."""
    asked = approval.payload
    _keep(approval.subject_id, asked["record"], source="HAND", evidence=asked["evidence"], made_by=approval.maker_id, now=now)


@use_case
def set_wallet_host(*, actor: Actor, address: str, vasp_name: str, vasp_lei: str, evidence: str, now: datetime) -> WalletHost | Approval:
    """One of compliance says at which VASP a wallet lies: what is paid there waits for that VASP's word from now on.

    Where a VASP is named already, another or none is only asked for: another one of compliance answers.

    :raises AppError: RoleMissing, BadTravelData, ApprovalOpen
    """
    roles.require_may(actor.roles, HOST)
    assert actor.id is not None
    said = {"vasp_name": vasp_name, "vasp_lei": vasp_lei, "evidence": evidence}
    wallet = travel.require_host(address=address, **said)
    old = find_host(wallet)
    if old is None or not old.vasp_lei or (old.vasp_name, old.vasp_lei) == (vasp_name, vasp_lei):
        return travel.set_host(over=old, address=wallet, **said, made_by=actor.id, now=now)
    return approvals.request(
        kind=HOST,
        subject_type="wallet_host",
        subject_id=uuid5(NAMESPACE_OID, f"wallet:{wallet}"),
        subject_version=_host_version(old),
        title=f"{wallet} lies with {vasp_name or 'its owner'}",
        payload={"address": wallet, **said},
        before={"vasp_name": old.vasp_name, "vasp_lei": old.vasp_lei},
        maker=actor,
        checker_roles=roles.ACTS[HOST][1],
        now=now,
    )


def host_version(approval: Approval) -> str:
    return _host_version(find_host(approval.payload["address"]))


@step
def execute_host(*, approval: Approval, checker: Actor, now: datetime) -> None:
    """The wallet lies with another VASP, or in its owner's hands, from now on."""
    asked = approval.payload
    travel.set_host(over=find_host(asked["address"]), **asked, made_by=approval.maker_id, now=now)


def _host_version(host: WalletHost | None) -> str:
    return "none" if host is None else str(host.version)


def _why_unread(inbound: Inbound) -> str:
    """What of a message's own head no transfer can have; its data are looked at by `_why_bad`."""
    heads = (("id", 80), ("address", 120), ("reference", 120), ("vasp_lei", 20), ("vasp_name", 100))
    for name, most in heads:
        value = getattr(inbound, name)
        if not isinstance(value, str) or len(value) > most or not value.isprintable():
            return f"{name}: a text of at most {most} characters"
    return ""


def _why_bad(payload: object, receipt: Receipt, now: datetime) -> list[str]:
    """What is wrong with a record of this receipt: incomplete, or of other wallets than the chain shows."""
    bad = ivms101.faults(payload, today=now.date())
    if bad or not isinstance(payload, Mapping):
        return bad
    to, by = ([places.canonical(one) for one in payload[side]["accountNumber"]] for side in ("beneficiary", "originator"))
    if places.canonical(receipt.nostro.address) not in to:
        bad.append("beneficiary.accountNumber: not the wallet that it came to")
    if receipt.sender_address and places.canonical(receipt.sender_address) not in by:
        bad.append("originator.accountNumber: not the wallet that it came from")
    return bad


def _keep(receipt_id: UUID, payload: Mapping[str, Any], *, now: datetime, **how: Any) -> None:
    receipts.lock_with_sender(receipt_id)
    travel.keep(subject_type="receipt", subject_id=receipt_id, payload=payload, now=now, **how)
    receipts.clear_again(receipt_id=receipt_id, now=now)


def _version(receipt_id: UUID, status: str) -> str:
    last = find_record(receipt_id)
    return f"{status}:{0 if last is None else last.version}"
