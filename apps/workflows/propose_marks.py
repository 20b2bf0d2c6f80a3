"""Closing marks of a business date: proposed by finance, approved by a second person of finance or risk."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.close.errors import MarksIncomplete, NotACloser
from apps.core import money
from apps.core.actor import Actor
from apps.core.unit import step, use_case
from apps.instruments import queries as instruments
from apps.ledger import queries as ledger
from apps.pricing import operations as pricing
from apps.pricing import queries as prices
from apps.pricing import rules as pricing_rules
from apps.pricing.models import MarkSet
from apps.pricing.states import MarkSetStatus
from apps.users import rules as people

KIND = "marks"


@use_case
def propose_marks(
    *,
    actor: Actor,
    entity_id: UUID,
    business_date: date,
    mids: Mapping[str, Decimal],
    source: str,
    now: datetime,
    flags: Mapping[str, list[str]] | None = None,
) -> tuple[MarkSet, Approval]:
    """A set of marks out of mids taken in the window before the roll, and the request to approve it.

    :param mids: price of one unit by asset, in the entity's functional currency, which itself is 1
    :param source: where they were taken, and in which window
    :param flags: what spoke against a mid when it was taken (pricing.rules.check_mark); a move past the limit is added here
    :raises NotACloser: the actor is not of finance
    :raises MarksIncomplete: an asset with a balance has no mid, or a mid is not positive; `missing` lists them
    """
    if actor.id is None or not people.may_make(actor.roles, KIND):
        raise NotACloser("finance proposes marks")
    entity = instruments.get_entity_by_id(entity_id)
    currency = entity.functional_currency_id
    known = {**{asset: mid for asset, mid in mids.items() if mid.is_finite() and mid > 0}, currency: Decimal(1)}
    needed = {one.asset for one in ledger.list_identity(entity_id) if one.have or one.position} | mids.keys()
    if missing := sorted(needed - known.keys()):
        raise MarksIncomplete(f"no usable mid of {', '.join(missing)}", missing=missing)
    before = prices.find_last_marks(entity_id, business_date) or {}
    marks = {
        asset: (mid, source if asset != currency else "functional currency", _flags(asset, mid, before, flags))
        for asset, mid in known.items()
    }
    made = pricing.propose_marks(entity_id=entity_id, business_date=business_date, currency=currency, marks=marks, actor=actor, now=now)
    asked = approvals.request(
        kind=KIND,
        subject_type="mark_set",
        subject_id=made.id,
        subject_version=str(made.version),
        title=f"Closing marks {business_date.isoformat()} of {entity.name}",
        payload={
            "business_date": business_date.isoformat(),
            "currency": currency,
            "marks": {asset: money.text(mid) for asset, mid in sorted(known.items())},
            "flags": {asset: told for asset, (_, _, told) in sorted(marks.items()) if told},
        },
        before={"marks": {asset: money.text(mid) for asset, mid in sorted(before.items())}},
        maker=actor,
        checker_roles=people.ACTS[KIND][1],
        now=now,
    )
    return made, asked


@step
def execute(*, approval: Approval, checker: Actor, now: datetime) -> MarkSet:
    """What an approved request of kind "marks" does (settings.APPROVALS): the set becomes the official one of its date.

    :raises IllegalMove: a later proposal has superseded it
    """
    return pricing.approve_marks(mark_set_id=approval.subject_id, actor=checker, now=now)


def version(approval: Approval) -> str:
    """What the set of a request is now: another than was asked on once a later proposal has superseded it."""
    found = prices.lock_mark_set(approval.subject_id)
    return str(found.version) if found.status == MarkSetStatus.PROPOSED else str(found.status)


def _flags(asset: str, mid: Decimal, before: Mapping[str, Decimal], given: Mapping[str, list[str]] | None) -> list[str]:
    flags = list((given or {}).get(asset, ()))
    last = before.get(asset)
    limit = pricing_rules.MarkLimits().max_move_bps
    if last and abs(mid - last) * 10_000 > limit * last and "move" not in flags:
        flags.append("move")
    return flags
