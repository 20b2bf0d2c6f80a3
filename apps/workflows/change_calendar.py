"""A day that the calendars do not know of: banks closed or open after all, another cut-off. Two of operations say so.

What is OPEN on a day that is closed by it settles on the next good day, and the client is told; what is frozen is left to people.
"""

from datetime import date, datetime, time, timedelta
from uuid import NAMESPACE_OID, UUID, uuid5

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.core import ids
from apps.core.actor import Actor
from apps.core.clock import desk_now
from apps.core.unit import step, use_case
from apps.events import operations as events
from apps.instruments import operations as instruments
from apps.instruments import queries as reference
from apps.instruments import rules as calendar
from apps.instruments.errors import BadCalendarChange
from apps.instruments.models import CalendarChange
from apps.settlement import queries as settlement
from apps.settlement.models import Obligation
from apps.settlement.operations import moving
from apps.settlement.queries.closed_days import Closed, Misdated
from apps.trades import operations as trades
from apps.trades import queries, rules
from apps.trades.models import Trade, TradeVersion
from apps.users import rules as people

from . import restate_deal

KIND = "calendar"
AHEAD = timedelta(days=730)


@use_case
def ask_calendar_change(
    *, actor: Actor, what: str, day: date, is_good: bool | None = None, cutoff: time | None = None, reason: str, now: datetime
) -> Approval:
    """Ask for a change of one day: of a currency's banks, or of a rail's cut-off.

    :param what: the code of a currency, or of a rail
    :param is_good: of a currency: open, closed, or None: as the library says again
    :param cutoff: of a rail, in its zone; None: the usual one again
    :param reason: in words that clients are told
    :raises AppError: RoleMissing, BadCalendarChange (`pointer` names the field), ApprovalOpen
    """
    people.require_may(actor.roles, KIND)
    currency = next((one.code for one in reference.list_assets() if one.code == what and one.calendar), None)
    rail = next((one for one in reference.list_rails() if one.code == what), None)
    if currency is None and rail is None:
        raise BadCalendarChange("a currency that has a calendar, or a rail", pointer="/what")
    if not now.date() <= day <= now.date() + AHEAD:
        raise BadCalendarChange("today or later, within two years", pointer="/day")
    if not reason.strip() or len(reason.strip()) > 200:
        raise BadCalendarChange("say why, in up to 200 characters that clients may read", pointer="/reason")
    if rail is not None and is_good is not None:
        raise BadCalendarChange("of a currency, not of a rail", pointer="/is_good")
    if currency is not None and cutoff is not None:
        raise BadCalendarChange("of a rail, not of a currency", pointer="/cutoff")
    last = reference.find_calendar_change(what, day)
    if (last.is_good, last.cutoff) == (is_good, cutoff) if last is not None else is_good is None and cutoff is None:
        raise BadCalendarChange("it is so already", pointer="/day")
    if currency is not None and is_good is not None and reference.get_calendars().is_good(currency, day) == is_good:
        raise BadCalendarChange("it is so already", pointer="/is_good")
    to = {True: "open", False: "closed", None: "as the library says"}[is_good] if rail is None else cutoff and cutoff.isoformat("minutes")
    return approvals.request(
        kind=KIND,
        subject_type="calendar",
        subject_id=_subject(what, day),
        subject_version=_told(last),
        title=f"{what} on {day.isoformat()}: {to or 'the usual cut-off'}",
        payload={
            "what": what,
            "day": day.isoformat(),
            "currency": currency,
            "rail": None if rail is None else rail.code,
            "is_good": is_good,
            "cutoff": None if cutoff is None else cutoff.isoformat(),
            "reason": reason.strip(),
        },
        before={"says": _told(last)},
        maker=actor,
        checker_roles=people.ACTS[KIND][1],
        now=now,
    )


@step
def execute(*, approval: Approval, checker: Actor, now: datetime) -> CalendarChange:
    """What an approved request of kind "calendar" does; the sweep :func:`redate_closed` follows."""
    asked = approval.payload
    assert checker.id is not None
    return instruments.change_calendar(
        day=date.fromisoformat(asked["day"]),
        currency=asked["currency"],
        is_good=asked["is_good"],
        rail=asked["rail"],
        cutoff=None if asked["cutoff"] is None else time.fromisoformat(asked["cutoff"]),
        reason=asked["reason"],
        made_by=approval.maker_id,
        checked_by=checker.id,
        approval_id=approval.id,
        now=now,
    )


def version(approval: Approval) -> str:
    """What counts for that day now."""
    return _told(reference.find_calendar_change(approval.payload["what"], date.fromisoformat(approval.payload["day"])))


def list_closed(now: datetime) -> list[Closed]:
    """The days from today on that are closed by the desk's word."""
    return [
        Closed(currency, day)
        for currency, days in sorted(reference.get_calendars().overrides.items())
        for day, is_good in sorted(days.items())
        if not is_good and day >= now.date()
    ]


@use_case
def redate_closed(*, one: Misdated, now: datetime) -> list[Obligation]:
    """What is OPEN of a deal or an adjustment on a closed day settles on the next good one. [] when somebody was faster.

    A deal whose own value date it is gets a version (STATIC_DATA, made and checked by who changed the calendar); of another only the
    difference that fell on this day moves.
    """
    calendars = reference.get_calendars()
    change = reference.find_calendar_change(one.closed.currency, one.closed.day)
    if change is None or calendars.is_good(one.closed.currency, one.closed.day):
        return []
    if one.trade_id is None:
        return _move_adjustment(one, change, calendars)
    trade = restate_deal.lock_deal(one.trade_id)
    due = moving.lock_open_on(day=one.closed.day, trade_id=trade.id)
    if not due:
        return []
    base, quote = (calendar.Asset(a.code, calendar.Kind(a.kind)) for a in (trade.pair.base, trade.pair.quote))
    to = calendar.next_good_day(one.closed.day, calendar.final_currencies(base, quote), calendars)
    old = queries.get_version(trade)
    if old.action == "CANCEL" or old.value_date != one.closed.day:
        moved, new = moving.move_open(obligations=due, day=to), None
        restate_deal.follow_credit(trade=trade, version=old, besides=[], now=now)
    else:
        moved, new = _version(trade, old, change, to)
    _tell(one, change, calendars, to, moved, account_id=trade.account_id, client_id=trade.counterparty_id, version=new)
    return moved


def _version(trade: Trade, old: TradeVersion, change: CalendarChange, to: date) -> tuple[list[Obligation], TradeVersion]:
    at = desk_now()
    old, new = trades.add_version(
        trade=trade,
        terms=rules.Terms(old.side, old.quantity, old.price, old.fee, to),
        settled=rules.Amounts(old.quote_quantity, old.pays, old.receives),
        why=trades.Why(
            reason="STATIC_DATA",
            note=f"{change.currency_id} banks are closed on {change.day.isoformat()}: {change.reason}",
            consent="",
            made_by=change.made_by,
            checked_by=change.checked_by,
            approval_id=change.approval_id,
            effective_at=at,
        ),
    )
    done = restate_deal.restate(trade=trade, old=old, new=new, kind="CORRECTION", key=f"trade:{trade.id}:{new.number}", now=at)
    status = settlement.trade_status([trade.id]).get(trade.id, "OPEN")
    told = [settlement.describe_obligation(one) for one in done.made]
    trades.tell_version(trade=trade, old=old, new=new, settlement_status=status, obligations=told, now=at)
    trades.confirm(trade=trade, now=at)
    return done.made, new


def _move_adjustment(one: Misdated, change: CalendarChange, calendars: calendar.Calendars) -> list[Obligation]:
    due = moving.lock_open_on(day=one.closed.day, adjustment_id=one.adjustment_id)
    if not due:
        return []
    to = calendar.next_good_day(one.closed.day, [one.closed.currency], calendars)
    moved = moving.move_open(obligations=due, day=to)
    account = due[0].account
    _tell(one, change, calendars, to, moved, account_id=account.id, client_id=account.owner_id, version=None)
    return moved


def _tell(
    one: Misdated,
    change: CalendarChange,
    calendars: calendar.Calendars,
    to: date,
    moved: list[Obligation],
    *,
    account_id: UUID | None,
    client_id: UUID,
    version: TradeVersion | None,
) -> None:
    subject_id = one.trade_id or one.adjustment_id
    assert subject_id is not None, "a deal or an adjustment"
    events.record(
        "value_date.moved",
        subject_type="trade" if one.trade_id is not None else "adjustment",
        subject_id=subject_id,
        client_id=client_id,
        account_id=account_id,
        public={
            "trade_id": None if one.trade_id is None else ids.encode("trd", one.trade_id),
            "adjustment_id": None if one.adjustment_id is None else ids.encode("adj", one.adjustment_id),
            "from": one.closed.day.isoformat(),
            "to": to.isoformat(),
            "closed": one.closed.currency,
            "reason": change.reason,
            "calendar_version": calendars.version,
            "version": None if version is None else version.number,
            "obligations": [settlement.describe_obligation(due) for due in moved],
        },
        house={"change": change.number},
    )


def _subject(what: str, day: date) -> UUID:
    return uuid5(NAMESPACE_OID, f"calendar:{what}:{day.isoformat()}")


def _told(change: CalendarChange | None) -> str:
    if change is None:
        return "as usual"
    said = change.cutoff.isoformat() if change.cutoff else {True: "open", False: "closed", None: "as usual"}[change.is_good]
    return f"{change.number}: {said}"
