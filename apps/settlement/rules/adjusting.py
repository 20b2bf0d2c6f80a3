"""What may be adjusted and how it is posted. No Django."""

from decimal import Decimal
from uuid import UUID

from apps.ledger.rules import Line, Ref, credit, debit
from apps.ledger.states import Kind
from apps.settlement.states import AdjustmentKind

K = AdjustmentKind
# Kind → direction (ours) → the account of ours on the other side of what is owed. A close-out is posted by itself, fees against
# what they were invoiced to.
AGAINST: dict[AdjustmentKind, dict[str, Kind]] = {
    K.REBATE: {"PAY": Kind.FEE_INCOME},
    K.COMPENSATION: {"PAY": Kind.COST, "RECEIVE": Kind.COST},
    K.LATE_INTEREST: {"PAY": Kind.COST, "RECEIVE": Kind.FEE_INCOME},
    K.CHARGE: {"PAY": Kind.COST, "RECEIVE": Kind.FEE_INCOME},
    K.COMMISSION: {"PAY": Kind.COMMISSION},
    K.WRITE_OFF: {"PAY": Kind.WRITE_OFF, "RECEIVE": Kind.WRITE_OFF},  # PAY: the rest of what they owe; RECEIVE: it is paid after all
}


def may_be(kind: str, direction: str) -> bool:
    """Whether people may ask for it."""
    return kind in K.__members__ and direction in AGAINST.get(K(kind), {})


def owed_kind(kind: str, direction: str, *, prefunded: bool) -> Kind:
    """Where what is owed stands: a prefunded account settles in its balance, a write-off takes from what they owe."""
    if kind == K.WRITE_OFF and direction == "PAY":
        return Kind.RECEIVABLE
    if prefunded:
        return Kind.CLIENT_BALANCE
    return Kind.PAYABLE if direction == "PAY" else Kind.RECEIVABLE


def lines(
    *,
    kind: str,
    direction: str,
    entity_id: UUID,
    account_id: UUID,
    book_id: UUID,
    asset: str,
    amount: Decimal,
    prefunded: bool,
    accrued: Ref | None = None,
) -> list[Line]:
    """Both sides of an adjustment, by the posting table of operations.md.

    :param accrued: where what it pays has accrued before, instead of the result account
    """
    ours = accrued or Ref(entity_id, AGAINST[K(kind)][direction], asset, book_id=book_id)
    theirs = Ref(entity_id, owed_kind(kind, direction, prefunded=prefunded), asset, owner_id=account_id)
    if direction == "PAY":
        return [debit(ours, amount), credit(theirs, amount)]
    return [debit(theirs, amount), credit(ours, amount)]
