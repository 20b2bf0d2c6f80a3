"""Days that are closed in tests: marks by two, the close by two; days reopened and months locked by two."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal as D
from typing import Any
from uuid import UUID

from apps.approvals.models import Approval
from apps.close.states import MonthStatus
from apps.core import clock, db
from apps.core.unit import use_case
from apps.instruments import queries as instruments
from apps.instruments.rules import business_day_bounds
from apps.jobs import settlement as jobs
from apps.ledger import operations as ledger
from apps.ledger.rules import Ref, credit, debit
from apps.ledger.states import Kind
from apps.settlement.models import Nostro
from apps.workflows.close_day import close_day, start_close
from apps.workflows.decide_approval import decide_approval
from apps.workflows.open_day import open_day
from apps.workflows.propose_marks import propose_marks
from apps.workflows.reopen import ask_month, ask_reopening
from tests.deals import person

MIDS = {"BTC": D(20100), "ETH": D(1500), "EUR": D("1.10")}


def entity_id() -> UUID:
    found: UUID = instruments.get_entity("flowdesk").id
    return found


def decide(asked: Approval, name: str, role: str, approve: bool = True) -> Approval:
    return decide_approval(approval_id=asked.id, actor=person(name, role), approve=approve)


def approve_marks(on: date, mids: Mapping[str, D] = MIDS) -> None:
    _, asked = propose_marks(actor=person("fay", "finance"), entity_id=entity_id(), business_date=on, mids=mids, source="composite")
    assert decide(asked, "rita", "risk").status == "EXECUTED"


def close(on: date) -> datetime:
    """The day from its marks to CLOSED, half an hour after its roll; that moment."""
    open_day(entity_id=entity_id(), on=on)
    evening = business_day_bounds(on)[1].replace(minute=30)
    if clock.desk_now() < evening:
        clock.freeze_desk(evening)
    jobs.poll_rails()
    approve_marks(on)
    start_close(actor=person("olga", "operations"), entity_id=entity_id(), on=on)
    assert close_day(actor=person("finn", "finance"), entity_id=entity_id(), on=on).status == "CLOSED"
    return evening


def reopen(on: date, reason: str = "a hedge was booked with another LP") -> Approval:
    asked = ask_reopening(actor=person("fay", "finance"), entity_id=entity_id(), on=on, reason=reason)
    return decide(asked, "rita", "risk")


def move_month(on: date, to: str = "LOCKED", reason: str = "the month's accounts are handed over") -> Approval:
    asked = ask_month(actor=person("fay", "finance"), entity_id=entity_id(), month=on, to=MonthStatus(to), reason=reason)
    return decide(asked, "finn", "finance")


@use_case
def charge(*, nostro: Nostro, lines: list[UUID], on: date, now: Any) -> None:
    """Each line charges one, on the statement and in the ledger, at 13:00Z of the date."""
    first, last = db.one("SELECT last_sequence, balance FROM settlement_railcursor WHERE nostro_id = %s", (nostro.id,))
    db.run(
        "INSERT INTO settlement_statementline (id, nostro_id, sequence, reference, amount, end_to_end_id, kind, counterparty_name, "
        "counterparty_address, remittance, balance, booked_at) "
        "SELECT l.id, %s, %s + l.n, 'C' || %s + l.n, -1, '', 'CHARGE', '', '', '', %s - l.n, %s "
        "FROM unnest(%s::uuid[]) WITH ORDINALITY l(id, n)",
        (nostro.id, first, first, last, datetime(on.year, on.month, on.day, 13, tzinfo=UTC), lines),
    )
    db.run(
        "UPDATE settlement_railcursor SET balance = balance - %s, last_sequence = last_sequence + %s, read_at = %s WHERE nostro_id = %s",
        (len(lines), len(lines), now, nostro.id),
    )
    for line in lines:
        ledger.post(
            key=f"line:{line}", kind="CHARGE", source_type="statement_line", source_id=line, effective_at=now, business_date=on,
            lines=[
                debit(Ref(nostro.entity_id, Kind.CAPITAL, nostro.asset_id), D(1)),
                credit(Ref(nostro.entity_id, Kind.NOSTRO, nostro.asset_id, owner_id=nostro.id), D(1)),
            ],
        )  # fmt: skip
