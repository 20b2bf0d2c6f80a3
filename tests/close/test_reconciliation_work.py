"""What a proof costs grows with the lines of the statements, not with their square."""

from datetime import date
from typing import Any

import pytest

from apps.core import db, ids
from apps.jobs import settlement as jobs
from apps.reports.queries import movements
from apps.workflows.reconcile import reconcile
from tests.close import world as days
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)
TUESDAY = date(2026, 9, 15)
LINES = 1500
ROWS_A_LINE = 80  # what all nodes of the plan together may touch


def work(plan: dict[str, Any]) -> int:
    """Rows that a node and those below it gave or threw away, over all their loops."""
    thrown = sum(count for name, count in plan.items() if name.startswith("Rows Removed"))
    return int((plan["Actual Rows"] + thrown) * plan["Actual Loops"]) + sum(work(one) for one in plan.get("Plans", []))


@pytest.mark.parametrize("analyzed", [False, True])
def test_a_proof_touches_each_line_a_few_times(analyzed: bool, superuser_session: Any) -> None:
    nostro = here.open_house("USD")["USD"]
    jobs.poll_rails()
    days.charge(nostro=nostro, lines=[ids.uuid7() for _ in range(LINES)], on=TUESDAY)
    if analyzed:
        superuser_session.execute("ANALYZE")
    assert reconcile(entity_id=days.entity_id(), on=TUESDAY).breaks == []
    for name in ("_BALANCE", "MOVEMENT"):
        sql = f"EXPLAIN (ANALYZE, FORMAT JSON) {getattr(movements, name)}"
        plan = db.one(sql, {"entity": days.entity_id(), "on": TUESDAY, "closing": None})[0][0]
        assert work(plan["Plan"]) < ROWS_A_LINE * LINES
