"""Days that are closed in tests: marks by two, the close by two; days reopened and months locked by two."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal as D
from uuid import UUID

from apps.approvals.models import Approval
from apps.close.states import MonthStatus
from apps.core import clock
from apps.instruments import queries as instruments
from apps.instruments.rules import business_day_bounds
from apps.jobs import settlement as jobs
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
