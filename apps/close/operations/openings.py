"""Opening balances: posted once an account, before anything else is."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from apps.core import db, ids, money, unit
from apps.core.unit import step
from apps.events import operations as events
from apps.ledger import operations as ledger
from apps.ledger.rules import Ref, credit, debit
from apps.ledger.states import Kind

from ..errors import OpeningTooLate
from ..models import Opening
from ..states import OpeningKind


@step
def post_opening(
    *,
    ref: Ref,
    owner: str,
    amount: Decimal,
    on: date,
    evidence: str,
    asked_by: UUID,
    granted_by: UUID,
    effective_at: datetime,
    now: datetime,
) -> Opening:
    """One balance and its one ledger transaction, against CAPITAL.

    :param amount: what we have there, or what we owe the client, in units of the asset; below zero the other way round
    :param on: business date; the caller keeps it open
    :raises OpeningTooLate: it was opened, or another posting is as old (raised just before the commit)
    """
    assert ref.owner_id is not None, "what is opened is somebody's"
    made = Opening(
        id=ids.uuid7(),
        entity_id=ref.entity_id,
        kind=OpeningKind(ref.kind),
        owner_id=ref.owner_id,
        owner=owner[:160],
        asset_code=ref.asset,
        ledger_account_id=ref.id,
        amount=amount,
        date=on,
        evidence=evidence,
        asked_by=asked_by,
        granted_by=granted_by,
        posted_at=now,
    )
    with db.refuse_on("opening_once", OpeningTooLate(f"{owner} {ref.asset} was opened already")):
        db.insert(made)
    capital = Ref(ref.entity_id, Kind.CAPITAL, ref.asset)
    ours = amount if made.kind != OpeningKind.CLIENT_BALANCE else -amount
    ledger.post(
        key=f"opening:{ref.id}",
        kind="OPENING",
        source_type="opening",
        source_id=made.id,
        lines=[debit(ref, ours), credit(capital, ours)],
        effective_at=effective_at,
        business_date=on,
        narrative=f"opening balance: {evidence}"[:200],
    )
    unit.bag(unit.BALANCES + 1, "openings", f"{owner} {ref.asset}", _require_first)
    house = {"account": owner, "kind": str(made.kind), "asset": ref.asset, "amount": money.text(amount), "date": on.isoformat()}
    events.record("opening.posted", subject_type="opening", subject_id=made.id, house=house)
    return made


def _require_first(owners: list[str]) -> None:
    """The wall looks now, with the balances locked, and not at the commit, where nobody could say no in words."""
    late = OpeningTooLate(f"something was posted meanwhile: {', '.join(owners[:3])}{', …' if len(owners) > 3 else ''}")
    with db.refuse_on("close_opening_first", late):
        db.run("SET CONSTRAINTS close_opening_first IMMEDIATE")
