"""Take in a bank's statement file: every statement of it in one transaction, or nothing."""

from dataclasses import dataclass
from datetime import datetime, time
from uuid import UUID
from zoneinfo import ZoneInfo

from apps.core import money
from apps.core.actor import Actor
from apps.core.unit import use_case
from apps.instruments.rules import Kind
from apps.settlement import queries as settlement
from apps.settlement.errors import BadStatement, NoNostro
from apps.settlement.models import Nostro
from apps.settlement.operations import receipts, statements
from apps.settlement.operations.statements import Held
from apps.settlement.rails import files
from apps.settlement.rules.rail import Incoming
from apps.settlement.rules.statement_file import BadFile, StatementFile
from apps.settlement.rules.statement_file import Line as FileLine
from apps.users import rules as roles

from . import restate_deal


@dataclass(frozen=True, slots=True)
class TakenIn:
    """One statement of a file, and how many of its lines are new: all, or none where it was known."""

    account: str
    number: int | None
    lines: int
    new: int


@use_case
def import_statement(*, content: bytes, form: str = "", actor: Actor | None = None, now: datetime) -> list[TakenIn]:
    """camt.053, MT940 or CSV: what it says is booked. camt.054: what it announces is SEEN, and booked by a statement later.

    :param form: camt, mt940 or csv; by default told from how the file begins
    :raises BadStatement: it cannot be read; line and fault are named
    :raises NoNostro: it is of an account that is none of ours
    :raises StatementMissing: a statement before it is missing
    :raises AppError: RoleMissing, StatementGap
    """
    if actor is not None:
        roles.require_may(actor.roles, "statement")
    try:
        found = files.read(content, form)
    except BadFile as no:
        raise BadStatement(str(no)) from None
    of = [(one, _nostro_of(one, now)) for one in found]
    lines: dict[UUID, list[FileLine]] = {}
    for one, nostro in of:
        if not one.notifies:
            lines.setdefault(nostro.id, []).extend(one.lines)
    held = statements.hold(lines=lines)
    return [_take_in(one, nostro, held, actor, now) for one, nostro in of]


def _take_in(one: StatementFile, nostro: Nostro, held: Held, actor: Actor | None, now: datetime) -> TakenIn:
    if one.notifies:
        seen = receipts.see_all(nostro=nostro, incoming=_announced(one, nostro), now=now)
        return TakenIn(one.account, one.number, len(one.lines), len(seen))
    made = statements.take_in(nostro=nostro, statement=one, held=held, made_by=actor.id if actor is not None else None, now=now)
    if made is not None:
        for line in one.lines:
            if line.kind == "RETURN" and line.amount < 0:
                restate_deal.carry_reverted(nostro_id=nostro.id, reference=line.reference, now=now)
    return TakenIn(one.account, one.number, len(one.lines), 0 if made is None else len(one.lines))


def _nostro_of(one: StatementFile, now: datetime) -> Nostro:
    """Whose statement it is, which none of its lines contradicts."""
    account = "".join(one.account.split())
    held = {ours.asset_id: ours for ours in settlement.list_nostros().filter(address=account)}  # a wallet may hold several assets
    if not held:
        raise NoNostro(f"{one.place}: {account[:80]} is no account of ours")
    ours = held.get(one.currency) or next(iter(held.values()))
    if ours.asset_id != one.currency:
        raise BadStatement(f"{one.place}: {account} is kept in {ours.asset_id}, the statement is in {one.currency or 'no currency'}")
    today = now.astimezone(ZoneInfo(ours.rail.zone)).date()
    for line in one.lines:
        if line.booked_on > today:
            raise BadStatement(f"{line.place}: booked on {line.booked_on.isoformat()}, which has not come")
        if ours.asset.kind == Kind.FIAT and money.scale_of(line.amount) > ours.asset.scale:
            raise BadStatement(f"{line.place}: {money.text(line.amount)} has more decimals than {ours.asset_id} ({ours.asset.scale})")
    return ours


def _announced(one: StatementFile, nostro: Nostro) -> list[Incoming]:
    zone = ZoneInfo(nostro.rail.zone)
    return [
        Incoming(
            reference=line.reference,
            amount=line.amount,
            sender_name=line.counterparty_name,
            sender_address=line.counterparty_address,
            remittance=line.remittance,
            seen_at=line.booked_at or datetime.combine(line.booked_on, time(12), zone),
            confirmations=0,
        )
        for line in one.lines
        if line.kind == "RECEIPT"
    ]
