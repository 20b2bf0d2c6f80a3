"""What the rails tell us: booked lines, transfers on their way, and what the money that came is for."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from apps.approvals.models import Approval
from apps.clients import queries as clients
from apps.clients.models import SettlementMode
from apps.core.actor import SYSTEM, Actor
from apps.core.unit import use_case
from apps.settlement import queries as settlement
from apps.settlement.models import Receipt, StatementLine
from apps.settlement.operations import housing, matching, quarantine, receipts, statements
from apps.settlement.queries import housing as house_transfers
from apps.settlement.rules.rail import Entry, Incoming
from apps.settlement.states import ReceiptStatus
from apps.users import rules as roles
from apps.users.errors import RoleMissing

from . import restate_deal, watch_client_money


@use_case
def read_line(*, nostro_id: UUID, entry: Entry, now: datetime) -> StatementLine | None:
    """One statement line, once; None when it was read before."""
    line = statements.read_line(nostro_id=nostro_id, entry=entry, now=now)
    if line is None:
        return None
    if statements.takes_back(entry):
        restate_deal.carry_reverted(nostro_id=nostro_id, reference=entry.reference, now=now)
    watch_client_money.look_after(entity_id=line.nostro.entity_id, asset=line.nostro.asset_id, now=now)
    return line


@use_case
def see_incoming(*, nostro_id: UUID, incoming: Sequence[Incoming], now: datetime) -> list[Receipt]:
    """Transfers on their way in: SEEN until they are final, DROPPED when a reorganisation took them."""
    nostro = settlement.list_nostros().get(id=nostro_id)
    return receipts.see_all(nostro=nostro, incoming=incoming, now=now)


@use_case
def clear_receipt(*, receipt_id: UUID, now: datetime) -> Receipt:
    """FINAL → CLEARED or QUARANTINED; what comes from another account of ours is of its house transfer, or waits as it is (FINAL) for the
    answer to that transfer's payment, or for the record of the venue that may have sent it.
    """
    receipt = settlement.get_receipt(receipt_id, actor=SYSTEM)
    arriving = house_transfers.find_arriving(receipt)
    if arriving is not None:
        return housing.arrive(transfer_id=arriving, receipt_id=receipt_id, now=now)
    if house_transfers.awaits_record(receipt, now):
        return receipt
    return receipts.clear(receipt_id=receipt_id, now=now)


@use_case
def match_receipt(*, receipt_id: UUID, now: datetime) -> Receipt:
    """CLEARED → MATCHED: to what the account owes, the rest to its balance; left CLEARED where nothing fits."""
    receipt = settlement.get_receipt(receipt_id, actor=SYSTEM)
    if receipt.status != ReceiptStatus.CLEARED or receipt.account_id is None:
        return receipt
    watch_client_money.look_after(entity_id=receipt.nostro.entity_id, asset=receipt.nostro.asset_id, now=now)
    prefunded = clients.get_terms(receipt.account_id, now).mode == SettlementMode.PREFUNDED
    return matching.match(receipt_id=receipt_id, prefunded=prefunded, now=now)


@use_case
def request_receipt_decision(
    *,
    actor: Actor,
    receipt_id: UUID,
    decision: str,
    reason: str,
    account_code: str = "",
    return_to: tuple[str, str] | None = None,
    transfer_id: UUID | None = None,
    now: datetime,
) -> Approval:
    """Operations (or compliance) ask what is to become of a quarantined receipt; another one of compliance decides.

    :param decision: return, apply (to `account_code`), transfer (it is of the house transfer `transfer_id`) or freeze
    :param return_to: name and wallet, for the return of a chain transfer
    :raises AppError: RoleMissing, NotFound, BadDecision, ApprovalOpen
    """
    if not (roles.may_make(actor.roles, "receipt") or roles.may_check(actor.roles, "receipt")):
        raise RoleMissing("operations or compliance decide about receipts")
    return quarantine.ask(
        maker=actor,
        receipt_id=receipt_id,
        decision=decision,
        reason=reason,
        account_code=account_code,
        return_to=return_to,
        transfer_id=transfer_id,
        now=now,
    )


@use_case
def note_balance(*, nostro_id: UUID, balance: Decimal, now: datetime) -> None:
    """A statement without a line: the closing balance of an account on which nothing was booked since the last one, or ever."""
    statements.note_balance(nostro_id=nostro_id, balance=balance, now=now)
