"""What becomes of a receipt that could not be cleared: operations or compliance asks, another one of compliance decides."""

from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.clients import queries as clients
from apps.clients.models import Account
from apps.core import money
from apps.core.actor import Actor
from apps.core.unit import step
from apps.events import operations as events
from apps.settlement.errors import BadDecision
from apps.settlement.models import Instruction, Receipt
from apps.settlement.queries import housing as house_transfers
from apps.settlement.queries.locks import lock_receipt
from apps.settlement.states import InstructionStatus, ReceiptStatus
from apps.users import rules as roles

from . import housing, instructions, receipts

DECISIONS = ("return", "apply", "transfer", "freeze")
OF_A_FROZEN = ("return", "apply")
ENDED = [InstructionStatus.FAILED, InstructionStatus.CANCELLED]


@step
def ask(
    *,
    maker: Actor,
    receipt_id: UUID,
    decision: str,
    reason: str,
    account_code: str,
    return_to: tuple[str, str] | None,
    transfer_id: UUID | None,
    now: datetime,
) -> Approval:
    """Ask compliance to return a quarantined receipt, apply it to an account or a house transfer, or freeze it; or to let go of a frozen
    one.

    :param account_code: for `apply`
    :param transfer_id: for `transfer`: the house transfer that it is of, or a part of
    :param return_to: name and address for the return of a chain transfer: a wallet that the client names, never by default the sender's
    :raises BadDecision: it is not for anybody to decide, or the decision lacks what it needs
    """
    receipt = lock_receipt(receipt_id)
    if decision not in DECISIONS:
        raise BadDecision(f"{decision}: one of {', '.join(DECISIONS)}")
    if not _is_open(receipt, decision):
        raise BadDecision(f"the receipt is {receipt.status}")
    if receipt.status == ReceiptStatus.FROZEN and "compliance" not in maker.roles:
        raise BadDecision("what is frozen only compliance lets go of")
    if not reason:
        raise BadDecision("say why")
    if decision == "apply":
        _account_for(receipt, account_code)
    elif decision == "return":
        _beneficiary(receipt, return_to)
    payload: dict[str, Any] = {"decision": decision, "reason": reason, "account": account_code, "return_to": list(return_to or ())}
    if decision == "transfer":
        payload |= _of_transfer(receipt, transfer_id)
    return approvals.request(
        kind="receipt",
        subject_type="receipt",
        subject_id=receipt.id,
        subject_version=str(receipt.status),
        title=f"{decision} {receipt.rail_reference}",
        payload=payload,
        before={
            "status": str(receipt.status),
            "why": receipt.quarantine_reason,
            "sender": receipt.sender_name,
            "amount": f"{money.text(receipt.amount)} {receipt.asset_id}",
        },
        maker=maker,
        checker_roles=roles.ACTS["receipt"][1],
        now=now,
    )


def _is_open(receipt: Receipt, decision: str) -> bool:
    if receipt.status == ReceiptStatus.RETURN_DUE:  # its payment failed: once more, perhaps elsewhere
        return decision == "return" and not receipt.return_instructions.exclude(status__in=ENDED).exists()
    return receipt.status == ReceiptStatus.QUARANTINED or (receipt.status == ReceiptStatus.FROZEN and decision in OF_A_FROZEN)


def version(approval: Approval) -> str:
    return str(_lock(approval).status)


def _lock(approval: Approval) -> Receipt:
    """The account that it is to go to, whose row a freeze holds, or the transfer; then the receipt."""
    if approval.payload["decision"] == "apply":
        clients.lock_account(clients.get_account_by_code(approval.payload["account"]).id)
    elif approval.payload["decision"] == "transfer":
        house_transfers.lock(UUID(approval.payload["transfer"]))
    return lock_receipt(approval.subject_id)


@step
def execute(*, approval: Approval, checker: Actor, now: datetime) -> None:
    """QUARANTINED, FROZEN → RETURN_DUE with a payment to make, or CLEARED for an account; QUARANTINED → MATCHED to a house
    transfer, or FROZEN.

    :raises BadDecision: the client is frozen by now, a payment back is on its way, or the transfer lacks it no more
    """
    receipt, asked = _lock(approval), approval.payload
    if not _is_open(receipt, asked["decision"]):
        raise BadDecision(f"the receipt is {receipt.status}")
    if asked["decision"] == "return":
        _return(receipt, tuple(asked["return_to"]) or None, asked["reason"], now)
    elif asked["decision"] == "apply":
        receipt.account = _account_for(receipt, asked["account"])
        receipts.thaw(receipt=receipt, reason=asked["reason"], now=now)
        receipt.owner_role = "operations"
        receipts.move(receipt, ReceiptStatus.CLEARED, "account", "owner_role")
    elif asked["decision"] == "transfer":
        housing.assign(transfer=house_transfers.lock(UUID(asked["transfer"])), receipt=receipt, now=now)
    else:
        receipts.freeze(receipt=receipt, now=now)
    events.record(
        "receipt.decided",
        subject_type="receipt",
        subject_id=receipt.id,
        house={"decision": asked["decision"], "reason": asked["reason"], "checker": checker.name},
    )


def _account_for(receipt: Receipt, code: str) -> Account:
    """
    :raises BadDecision: no account, or a frozen one
    """
    if not code:
        raise BadDecision("apply: to which account?")
    account = clients.get_account_by_code(code)
    if account.is_frozen:
        raise BadDecision(f"{code} is frozen: nothing is credited to it")
    return account


def _of_transfer(receipt: Receipt, transfer_id: UUID | None) -> dict[str, str]:
    """The transfer, and what the checker reads of it.

    :raises NotFound: there is none
    :raises BadDecision: it is not named, or the receipt cannot be of it
    """
    if transfer_id is None:
        raise BadDecision("transfer: of which house transfer?", pointer="/transfer")
    found = house_transfers.get(transfer_id)
    if why := housing.why_not_of(found, receipt):
        raise BadDecision(why, pointer="/transfer")
    lacks = f"{money.text(found.outstanding)} of {money.text(found.amount)} {found.asset_id}"
    return {"transfer": str(found.id), "from": found.from_name, "to": found.to_name, "lacks": lacks}


def _return(receipt: Receipt, named: tuple[str, str] | None, reason: str, now: datetime) -> Instruction:
    if receipt.account is not None and receipt.account.is_frozen:
        raise BadDecision("its client is frozen: nothing is returned")
    beneficiary = _beneficiary(receipt, named)
    receipts.thaw(receipt=receipt, reason=reason, now=now)
    if receipt.status != ReceiptStatus.RETURN_DUE:
        receipt.owner_role = "operations"
        receipts.move(receipt, ReceiptStatus.RETURN_DUE, "owner_role")
    return instructions.instruct_payment(
        target={"returns": receipt},
        account=receipt.account,
        nostro=receipt.nostro,
        amount=receipt.amount,
        due_date=now.astimezone(ZoneInfo(receipt.nostro.rail.zone)).date(),
        beneficiary=beneficiary,
        now=now,
    )


def _beneficiary(receipt: Receipt, named: tuple[str, str] | None) -> tuple[str, str]:
    """The remitting bank account; on a chain only a wallet that was named, which the gate has screened before anything leaves.

    :raises BadDecision: another bank account than the one it came from, no wallet, or nobody to return it to
    """
    if receipt.nostro.rail.kind == "CHAIN":
        if named is None or not all(named):
            raise BadDecision("a chain transfer goes back to a screened wallet that the client names")
        return named
    if named is not None:
        raise BadDecision("a bank transfer goes back to the account it came from")
    if not receipt.sender_address:
        raise BadDecision("nobody to return it to is known")
    return receipt.sender_name, receipt.sender_address
