"""A payment to a tester leaves in parts, however small: for its release alone, its rail takes less at once. In a sandbox alone."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from apps.core.actor import SYSTEM
from apps.core.unit import use_case
from apps.settlement import queries as settlement
from apps.settlement.queries.gate import get_band
from apps.settlement.rules.bands import Band

from .found_test_client import require_sandbox
from .request_release import request_band, request_release
from .stage_acts import WHY, agreed, by_one


@use_case
def release_in_parts(*, instruction_id: UUID, largest: Decimal, now: datetime) -> None:
    """READY → SPLIT, in two payments, under the four eyes of every release. When this is committed the rail takes what it took before:
    nothing else is cut by it.

    :param largest: what the rail takes at once, in units of the asset: at least half of the payment, and less than all of it
    :raises AppError: SandboxOnly; whatever our people would be refused with
    """
    require_sandbox()
    rail = settlement.get_instruction(instruction_id, actor=SYSTEM).nostro.rail_id
    before = get_band(rail)
    _limit(rail, replace(before, largest=largest, most_payments=2), now)
    agreed(by_one(request_release, "operations", now, instruction_ids=[instruction_id]), now)
    _limit(rail, before, now)


def _limit(rail: str, band: Band, now: datetime) -> None:
    agreed(by_one(request_band, "operations", now, rail_code=rail, band=band, reason=WHY), now)
