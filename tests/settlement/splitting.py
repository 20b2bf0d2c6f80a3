"""A rail's limit, and the payments that an instruction over it leaves in."""

from decimal import Decimal as D

from apps.core.actor import SYSTEM
from apps.settlement import queries as settlement
from apps.settlement.models import Instruction
from apps.settlement.rules.bands import Band
from apps.workflows.decide_approval import decide_approval
from apps.workflows.request_release import request_band
from tests import deals
from tests.settlement import world as here


def set_limit(rail: str, *, largest: str | None, most: int | None, straight: str = "0", two: str | None = None) -> None:
    """Asked by olga of operations, granted by rita of risk."""
    band = Band(D(straight), None if two is None else D(two), None if largest is None else D(largest), most)
    asked = request_band(actor=deals.person("olga", "operations"), rail_code=rail, band=band, reason="the rail's rulebook")
    assert decide_approval(approval_id=asked.id, actor=deals.person("rita", "risk"), approve=True).status == "EXECUTED"


def release(*payments: Instruction, **kw: object) -> None:
    maker, checker = deals.person("otto", "operations"), deals.person("olga", "operations")
    assert here.release(*[one.id for one in payments], maker=maker, checker=checker, **kw) == "EXECUTED"


def whole() -> Instruction:
    return settlement.list_instructions(SYSTEM).get(direction="PAY", whole__isnull=True)


def parts() -> list[Instruction]:
    return list(settlement.list_instructions(SYSTEM).filter(whole__isnull=False).order_by("part", "attempt"))
