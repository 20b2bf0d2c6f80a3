"""Reconciliation of a business date: four proofs, their breaks, and what people do about them."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.clients import queries as clients
from apps.close import operations as close
from apps.close import queries as days
from apps.close import rules
from apps.close.errors import BadVenueRecord, DayIsClosed, NotWritable, ReasonMissing
from apps.close.models import Break, BusinessDay, Proof
from apps.close.rules import Taken
from apps.close.states import BreakProof, BreakStatus, DayStatus
from apps.core import csvlines, money
from apps.core.actor import Actor
from apps.core.csvlines import BadLine
from apps.core.errors import IllegalMove, NotFound
from apps.core.unit import step, use_case
from apps.instruments import queries as instruments
from apps.instruments.rules import Roll, business_day_bounds
from apps.ledger import operations as ledger
from apps.ledger.rules import Ref, credit, debit
from apps.ledger.states import Kind
from apps.reports.queries import movements, reconciling
from apps.settlement import operations as tills
from apps.settlement import queries as settlement
from apps.users import queries as users
from apps.users import rules as people
from apps.users.errors import RoleMissing

COLUMNS = ("asset", "amount")
LONGEST_RECORD = 100_000  # characters of a record of balances


@dataclass(frozen=True, slots=True)
class Reconciled:
    """One run: the four proofs as they stand, and the breaks that are open."""

    day: BusinessDay
    proofs: list[Taken]
    breaks: list[Break]


@use_case
def reconcile(*, entity_id: UUID, on: date, now: datetime) -> Reconciled:
    """Take the four proofs of a business date. Running it again changes only what has changed meanwhile.

    The running date is opened by it; an earlier one that was never opened stays so, for an open day keeps every later one open.

    :raises DayIsClosed: its proofs are those that it was closed by
    :raises NoSuchDay: the date is over and was never opened
    :raises IllegalMove: the date has not begun
    """
    today = _today(entity_id, now)
    if on > today:
        raise IllegalMove(f"{on.isoformat()} has not begun", state="FUTURE")
    if on == today:
        close.open_day(entity_id=entity_id, on=on)
    day = days.lock_day(entity_id, on)
    if day.status == DayStatus.CLOSED:
        raise DayIsClosed(f"{on.isoformat()} is closed")
    proofs, found = take(day, now)
    close.keep_changed(day=day, taken=proofs, now=now)
    return Reconciled(day, proofs, found)


def take(day: BusinessDay, now: datetime) -> tuple[list[Taken], list[Break]]:
    """The four proofs and their breaks, kept; the caller holds the day."""
    start = days.find_start(day.entity_id, day.date)
    accounts = movements.list_accounts(day.entity_id, day.date, None if start is None else start.closing_id)
    until = business_day_bounds(day.date, Roll(day.entity.roll, day.entity.zone))[1]
    found = reconciling.find_breaks(day.entity_id, day.date, accounts, start=start, until=until, now=now)
    rows = close.keep_breaks(day=day, found=found, now=now)
    known = [days.known_as(row) for row in rows if row.since <= day.date]
    figures = rules.figures_of(accounts)
    return [rules.prove(kind, known, figures if kind is BreakProof.BALANCE else {}) for kind in BreakProof], rows


def due_date(entity_id: UUID, now: datetime) -> date:
    """The date that a run is for by itself: the first that was opened, has rolled and is not closed; else the running one."""
    today = _today(entity_id, now)
    return days.find_open_before(entity_id, today) or today


@use_case
def work_break(*, actor: Actor, break_id: UUID, act: str, text: str = "", to: str = "", now: datetime) -> Break:
    """Operations or finance take a break, give it to a person, explain it, or say something about it.

    :param act: take, give, explain or comment
    :param to: the username of whom it is given to
    :raises RoleMissing, NotFound, ReasonMissing, NotYourBreak, IllegalMove
    """
    people.require_may(actor.roles, "break")
    if act == "take":
        return close.take_break(break_id=break_id, owner=actor, by=actor, now=now)
    if act == "give":
        owner = users.get_by_username(to).as_actor()
        people.require_may(owner.roles, "break")
        return close.take_break(break_id=break_id, owner=owner, by=actor, now=now)
    words = _words(text)
    if act == "explain":
        return close.explain_break(break_id=break_id, by=actor, text=words[:200], now=now)
    if act == "comment":
        return close.comment_break(break_id=break_id, by=actor, text=words[:300], now=now)
    raise NotFound(f"{act}: no such act")


@use_case
def ask_write_off(*, actor: Actor, break_id: UUID, reason: str, now: datetime) -> Approval:
    """Operations ask that the ledger takes over what the outside says, at our loss or gain; finance grants it. The proof is taken again.

    :raises RoleMissing, ReasonMissing
    :raises IllegalMove: it has ended
    :raises NotWritable: it is no difference of amounts
    :raises ApprovalOpen: it is asked already
    """
    people.require_may(actor.roles, "break_write_off")
    why, row = _words(reason), _take_again(break_id, now)
    if row.status != BreakStatus.OPEN:
        raise IllegalMove(f"the break is {row.status}", state=str(row.status))
    amount = _writable(row)
    return approvals.request(
        kind="break_write_off",
        subject_type="break",
        subject_id=row.id,
        subject_version=_version(row),
        title=f"Write off {money.text(amount)} {row.asset_code}: {row.words}"[:200],
        payload={"amount": money.text(amount), "asset": row.asset_code, "about": row.key, "reason": why[:200]},
        before={"words": row.words, "since": row.since.isoformat(), "explanation": row.explanation},
        maker=actor,
        checker_roles=people.ACTS["break_write_off"][1],
        now=now,
    )


@step
def write_off(*, approval: Approval, checker: Actor, now: datetime) -> Break:
    """What an approved request of kind "break_write_off" does: NOSTRO or VENUE becomes what the outside says, against WRITE_OFF.

    It posts on the date that `version` has kept open.
    """
    amount = Decimal(approval.payload["amount"])
    reason = approval.payload["reason"]
    row = close.write_off_break(break_id=approval.subject_id, asked_by=approval.maker_id, granted_by=checker, reason=reason, now=now)
    book_id = tills.book_of(row.entity_id)
    ledger.post(
        key=f"break:{row.id}",
        kind="WRITE_OFF",
        source_type="break",
        source_id=row.id,
        lines=[debit(_ours(row), amount), credit(Ref(row.entity_id, Kind.WRITE_OFF, row.asset_code, book_id=book_id), amount)],
        effective_at=now,
        business_date=_posts_on(row, now),
        narrative=reason[:200],
    )
    return row


def version(approval: Approval) -> str:
    """The break of a request by a proof taken at its decision: what has come since the last run makes the request stale."""
    assert approval.decided_at is not None, "compared once it is decided"
    return _version(_take_again(approval.subject_id, approval.decided_at))


def _version(row: Break) -> str:
    return f"{row.status}:{'' if row.amount is None else money.text(row.amount)}:{row.detail.get('remainder', '')}"


def _take_again(break_id: UUID, now: datetime) -> Break:
    """The break, locked, after the proofs of the first open day that it is of. Locks as a close does: date, day, breaks."""
    row = days.get_break(break_id)
    ledger.keep_open(entity_id=row.entity_id, on=_posts_on(row, now))
    day = days.lock_open_from(row.entity_id, row.since)
    if day is None:
        day = days.lock_day_by_id(close.open_day(entity_id=row.entity_id, on=_today(row.entity_id, now)).id)
    take(day, now)
    return days.lock_break(break_id)


def _posts_on(row: Break, now: datetime) -> date:
    """A difference at the end of a day is written off on that day, so that its next proof is without it; an item, which is known by its
    name whenever it posts, today. The ledger goes on to the next open date."""
    return row.since if row.kind in rules.OF_A_DAY else _today(row.entity_id, now)


def _today(entity_id: UUID, now: datetime) -> date:
    return instruments.get_entity_by_id(entity_id).business_date(now)


def _writable(row: Break) -> Decimal:
    if row.kind not in rules.WRITABLE or not row.amount:
        raise NotWritable(f"{row.kind}: there is no amount to write off; mend what it is about")
    if row.kind == "DIFFERENCE" and row.detail["remainder"] != money.text(row.amount):
        raise NotWritable("items explain it: write those off, or mend them")
    return Decimal(row.amount)


def _ours(row: Break) -> Ref:
    """What of ours is changed."""
    if row.proof == BreakProof.POSITION:
        return Ref(row.entity_id, Kind.VENUE, row.asset_code, owner_id=UUID(row.detail["venue"]))
    nostro = row.detail["nostro"] if "nostro" in row.detail else row.key.removeprefix("nostro:")
    kept = settlement.list_nostros().get(id=UUID(nostro))
    return Ref(row.entity_id, Kind.NOSTRO, row.asset_code, owner_id=kept.id, designation=kept.designation)


@use_case
def import_venue_balances(*, actor: Actor | None, entity_id: UUID, counterparty: str, on: date, text: str, now: datetime) -> int:
    """Take in what an LP or venue says we hold there at the end of a business date: asset, amount; what we owe it negative.

    :param entity_id: whose balances they are
    :param actor: who of operations brings it; None for a command of the operator
    :return: how many balances are new or other than before
    :raises RoleMissing: not operations
    :raises BadVenueRecord: it cannot be read; line and field are named
    """
    if actor is not None and not people.may_make(actor.roles, "lp_record"):
        raise RoleMissing("operations bring the record of an LP")
    try:
        lp = clients.get_liquidity(counterparty)
    except NotFound as no:
        raise BadVenueRecord(no.detail, line=0, field="counterparty") from None
    return close.keep_venue_balances(
        entity_id=entity_id, counterparty_id=lp.id, on=on, balances=_read(text), imported_by=None if actor is None else actor.id, now=now
    )


def _read(text: str) -> dict[str, Decimal]:
    out: dict[str, Decimal] = {}
    known = {one.code for one in instruments.list_assets()}
    try:
        for line, cells in csvlines.read(text, COLUMNS, longest=LONGEST_RECORD):
            asset = cells["asset"]
            if asset not in known:
                raise BadLine(line, "asset", f"{asset[:40] or 'nothing'} is no asset of ours")
            if asset in out:
                raise BadLine(line, "asset", f"{asset} stands twice")
            try:
                out[asset] = money.parse_signed(cells["amount"])
            except money.NotAnAmount as no:
                raise BadLine(line, "amount", str(no)) from None
    except BadLine as no:
        raise BadVenueRecord(str(no), line=no.line, field=no.field) from None
    return out


def _words(text: str) -> str:
    words = text.strip()
    if not words:
        raise ReasonMissing("in words", pointer="/text")
    return words


__all__ = ["Proof", "Reconciled", "ask_write_off", "due_date", "import_venue_balances", "reconcile", "take", "work_break", "write_off"]
