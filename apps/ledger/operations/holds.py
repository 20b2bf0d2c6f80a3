"""Set client money aside; use it or give it back, at most once."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from apps.core import db, ids, money
from apps.core.unit import step

from .. import rules
from ..errors import InsufficientBalance
from ..models import Hold
from ..rules import Ref
from ..states import HOLD, HoldStatus
from .posting import open_accounts


@step
def hold(*, ref: Ref, amount: Decimal, source_type: str, source_id: UUID, now: datetime) -> Decimal:
    """Set `amount` of a client's balance aside. The caller holds the client's account row.

    :return: what was available before
    :raises InsufficientBalance: more than is available
    """
    open_accounts([ref])
    posted, held = db.one("SELECT amount, held FROM ledger_ledgeraccount WHERE id = %s FOR NO KEY UPDATE", (ref.id,))
    free = rules.available(posted, held)
    if amount > free:
        raise InsufficientBalance(
            f"{money.text(free)} {ref.asset} available, {money.text(amount)} needed", asset=ref.asset, available=money.text(free)
        )
    _hold(ref, amount, source_type, source_id, now)
    return Decimal(free)


@step
def hold_again(*, ref: Ref, amount: Decimal, source_type: str, source_id: UUID, now: datetime) -> None:
    """Set aside once more what a payment gave back, whatever became of the balance: a recall may have taken more than is left, and what was
    read of a bank is posted. The caller holds the client's account row, and decides whether it is paid again."""
    open_accounts([ref])
    _hold(ref, amount, source_type, source_id, now)


def _hold(ref: Ref, amount: Decimal, source_type: str, source_id: UUID, now: datetime) -> None:
    db.insert(Hold(id=ids.uuid7(), account_id=ref.id, amount=amount, source_type=source_type, source_id=source_id, created_at=now))
    db.send("UPDATE ledger_ledgeraccount SET held = held + %s WHERE id = %s", (amount, ref.id))


@step
def hold_anew(*, ref: Ref, amount: Decimal, lower: bool, source_type: str, source_id: UUID, now: datetime) -> Decimal:
    """Bring a source's hold on one balance to `amount`, making a first one where it has none. The caller holds the client's account row.

    :param lower: whether it may become less; else a larger one stays as it is
    :return: what would be available without it
    :raises InsufficientBalance: more than that
    """
    open_accounts([ref])
    posted, held = db.one("SELECT amount, held FROM ledger_ledgeraccount WHERE id = %s FOR NO KEY UPDATE", (ref.id,))
    one = Hold.objects.filter(source_id=source_id, account_id=ref.id, status=HoldStatus.PENDING).first()
    if one is not None:
        if amount == one.amount or (amount < one.amount and not lower):
            return Decimal(rules.available(posted, held) + one.amount)
        _end(one, HoldStatus.VOIDED, now)
    return hold(ref=ref, amount=amount, source_type=source_type, source_id=source_id, now=now)


@step
def post_holds(*, source_id: UUID, now: datetime, only: Sequence[Ref] | None = None) -> Decimal:
    """End the pending holds of a source as used: the caller posts the lines that use them. Others of it are voided.

    :return: the sum that was held in `only` (or in all)
    """
    keep = None if only is None else {ref.id for ref in only}
    total = money.ZERO
    for one in _lock_pending(source_id):
        used = keep is None or one.account_id in keep
        _end(one, HoldStatus.POSTED if used else HoldStatus.VOIDED, now)
        total += one.amount if used else money.ZERO
    return total


@step
def void_holds(*, source_id: UUID, now: datetime) -> None:
    """Give the pending holds of a source back; none is fine."""
    for one in _lock_pending(source_id):
        _end(one, HoldStatus.VOIDED, now)


_PENDING = """
SELECT h.id, h.account_id, h.amount FROM ledger_hold h WHERE h.source_id = %s AND h.status = 'PENDING' ORDER BY h.account_id
"""
_HELD = """
SELECT 1 FROM ledger_ledgeraccount WHERE id IN (SELECT account_id FROM ledger_hold WHERE source_id = %s) ORDER BY id FOR NO KEY UPDATE
"""
_ENDED = """
WITH h AS (UPDATE ledger_hold SET status = %s, ended_at = %s WHERE id = %s)
UPDATE ledger_ledgeraccount SET held = held - %s WHERE id = %s
"""


def _lock_pending(source_id: UUID) -> list[Hold]:
    """Lock the balances of a source's holds, then read those that are pending, in order of their accounts."""
    _, rows = db.run_all((_HELD, (source_id,)), (_PENDING, (source_id,)))
    return [Hold(id=row[0], account_id=row[1], amount=row[2], status=HoldStatus.PENDING) for row in rows]


def _end(one: Hold, status: HoldStatus, now: datetime) -> None:
    HOLD.move(one, status)
    db.send(_ENDED, (str(status), now, one.id, one.amount, one.account_id))
