"""What becomes of a receipt that could not be cleared: operations or compliance asks, another one of compliance decides."""

from datetime import datetime
from uuid import UUID

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.clients import queries as clients
from apps.core.actor import Actor
from apps.core.unit import step
from apps.events import operations as events
from apps.instruments.models import Rail
from apps.settlement.errors import BadDecision
from apps.settlement.models import Instruction, Receipt
from apps.settlement.queries.locks import lock_receipt
from apps.settlement.states import RECEIPT, ReceiptStatus
from apps.users import rules as roles

from . import instructions, receipts

DECISIONS = ("return", "apply", "freeze")


@step
def ask(
    *, maker: Actor, receipt_id: UUID, decision: str, reason: str, account_code: str, return_to: tuple[str, str] | None, now: datetime
) -> Approval:
    """Ask compliance to return a quarantined receipt, apply it to an account, or freeze it.

    :param account_code: for `apply`
    :param return_to: name and address for the return of a chain transfer: a wallet that the client names, never by default the sender's
    :raises BadDecision: it is not quarantined, or the decision lacks what it needs
    """
    receipt = lock_receipt(receipt_id)
    if receipt.status != ReceiptStatus.QUARANTINED:
        raise BadDecision(f"the receipt is {receipt.status}")
    if decision not in DECISIONS:
        raise BadDecision(f"{decision}: one of {', '.join(DECISIONS)}")
    if decision == "apply" and not account_code:
        raise BadDecision("apply: to which account?")
    if decision == "apply":
        clients.get_account_by_code(account_code)
    if decision == "return":
        _beneficiary(receipt, return_to)
    return approvals.request(
        kind="receipt",
        subject_type="receipt",
        subject_id=receipt.id,
        subject_version=str(receipt.status),
        title=f"{decision} {receipt.rail_reference}",
        payload={"decision": decision, "reason": reason, "account": account_code, "return_to": list(return_to or ())},
        maker=maker,
        checker_roles=roles.ACTS["receipt"][1],
        now=now,
    )


def version(approval: Approval) -> str:
    return str(lock_receipt(approval.subject_id).status)


@step
def execute(*, approval: Approval, checker: Actor, now: datetime) -> None:
    """QUARANTINED → RETURN_DUE with a payment to make, CLEARED for an account, or FROZEN."""
    receipt = lock_receipt(approval.subject_id)
    asked = approval.payload
    if asked["decision"] == "return":
        _return(receipt, tuple(asked["return_to"]) or None, now)
    elif asked["decision"] == "apply":
        receipt.account = clients.get_account_by_code(asked["account"])
        receipts.move(receipt, ReceiptStatus.CLEARED, "account")
    else:
        receipts.freeze(receipt=receipt, now=now)
    events.record(
        "receipt.decided",
        subject_type="receipt",
        subject_id=receipt.id,
        house={"decision": asked["decision"], "reason": asked["reason"], "checker": checker.name},
    )


def _return(receipt: Receipt, named: tuple[str, str] | None, now: datetime) -> Instruction:
    RECEIPT.move(receipt, ReceiptStatus.RETURN_DUE)
    receipt.save(update_fields=["status"])
    return instructions.instruct_payment(
        target={"returns": receipt},
        account=receipt.account,
        nostro=receipt.nostro,
        amount=receipt.amount,
        due_date=now.date(),
        beneficiary=_beneficiary(receipt, named),
        now=now,
    )


def _beneficiary(receipt: Receipt, named: tuple[str, str] | None) -> tuple[str, str]:
    """The remitting bank account; on a chain only a wallet that was named."""
    if named is not None:
        return named
    if Rail.objects.get(code=receipt.nostro.rail_id).kind == "CHAIN":
        raise BadDecision("a chain transfer goes back to a screened wallet that the client names")
    if not receipt.sender_address:
        raise BadDecision("nobody to return it to is known")
    return receipt.sender_name, receipt.sender_address
