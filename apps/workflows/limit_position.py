"""How far a book may be open in an asset: proposed by sales or a trader, agreed by risk; watched for alerts."""

from datetime import datetime
from decimal import Decimal
from uuid import uuid5

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.core import money
from apps.core.actor import Actor
from apps.core.errors import Rejected
from apps.core.unit import step, use_case
from apps.instruments import queries as instruments
from apps.ledger import queries as ledger
from apps.pricing import operations as pricing
from apps.pricing import queries
from apps.pricing.models import PositionLimit
from apps.users import rules as people
from apps.users.errors import RoleMissing

KIND = "position_limit"


class BadLimit(Rejected):
    code, title = "bad_position_limit", "This is no limit of a position"


@use_case
def propose_limit(*, actor: Actor, book: str, asset: str, soft: Decimal, hard: Decimal, reason: str, now: datetime) -> Approval:
    """Ask risk for a limit of a book's net open position in an asset, in units of it.

    :raises RoleMissing: not sales and not a trader
    :raises BadLimit: `pointer` names what is wrong
    :raises ApprovalOpen: one for this book and asset waits already
    """
    if actor.id is None or not people.may_make(actor.roles, KIND):
        raise RoleMissing("sales and traders propose position limits")
    found = instruments.find_book(book)
    if found is None:
        raise BadLimit(f"no book {book}", pointer="/book")
    if asset not in {a.code for a in instruments.list_assets()}:
        raise BadLimit(f"no asset {asset}", pointer="/asset")
    for name, value in (("soft", soft), ("hard", hard)):
        if not value.is_finite() or value <= 0 or money.scale_of(value) > money.MAX_SCALE or value >= Decimal(10) ** 20:
            raise BadLimit("above zero", pointer=f"/{name}")
    if hard < soft:
        raise BadLimit("hard is not below soft", pointer="/hard")
    if not reason.strip():
        raise BadLimit("say why", pointer="/reason")
    before = queries.find_position_limit(found.id, asset)
    return approvals.request(
        kind=KIND,
        subject_type="position_limit",
        subject_id=uuid5(found.id, asset),
        subject_version=_told(before),
        title=f"Position limit of book {book} in {asset}",
        payload={"book": book, "asset": asset, "soft": money.text(soft), "hard": money.text(hard), "reason": reason.strip()[:200]},
        before={} if before is None else {"soft": money.text(before.soft), "hard": money.text(before.hard)},
        maker=actor,
        checker_roles=people.ACTS[KIND][1],
        now=now,
    )


@step
def execute(*, approval: Approval, checker: Actor, now: datetime) -> PositionLimit:
    """What an approved request of kind "position_limit" does."""
    asked = approval.payload
    assert checker.id is not None
    return pricing.set_position_limit(
        book_id=instruments.get_book(asked["book"]).id,
        asset_code=asked["asset"],
        soft=Decimal(asked["soft"]),
        hard=Decimal(asked["hard"]),
        reason=asked["reason"],
        proposed_by=approval.maker_id,
        approved_by=checker.id,
        now=now,
    )


def version(approval: Approval) -> str:
    """The limit as it is now."""
    asked = approval.payload
    return _told(queries.find_position_limit(instruments.get_book(asked["book"]).id, asked["asset"]))


def _told(limit: PositionLimit | None) -> str:
    return "none" if limit is None else str(limit.version)


@use_case
def watch_positions(*, now: datetime) -> int:
    """Begin and end the breaches of position limits, with an event each; how many."""
    positions = {
        (book.id, asset): amount
        for entity in instruments.list_entities()
        for book in instruments.list_books(entity.id)
        for asset, amount in ledger.list_positions(entity.id, book.id).items()
    }
    return pricing.note_breaches(positions=positions, now=now)
