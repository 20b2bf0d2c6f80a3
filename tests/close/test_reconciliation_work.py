"""What a proof costs grows with the lines of the statements, not with their square."""

from datetime import date
from decimal import Decimal as D
from typing import Any
from uuid import UUID

import pytest

from apps.core import db, ids
from apps.core.unit import use_case
from apps.jobs import settlement as jobs
from apps.ledger import operations as ledger
from apps.ledger.rules import Ref, credit, debit
from apps.ledger.states import Kind
from apps.reports.queries import reconciling
from apps.settlement.models import Nostro
from apps.workflows.reconcile import reconcile
from tests import world
from tests.close import world as days
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)
TUESDAY = date(2026, 9, 15)
LINES = 1500
ROWS_A_LINE = 80  # what all nodes of the plan together may touch


@use_case
def book(*, nostro: Nostro, lines: list[UUID], now: Any) -> None:
    """Each line charges one, on the statement and in the ledger."""
    db.run(
        "INSERT INTO settlement_statementline (id, nostro_id, sequence, reference, amount, end_to_end_id, kind, counterparty_name, "
        "counterparty_address, remittance, balance, booked_at) "
        "SELECT l.id, %s, l.n, 'C' || l.n, -1, '', 'CHARGE', '', '', '', 10000000 - l.n, %s "
        "FROM unnest(%s::uuid[]) WITH ORDINALITY l(id, n)",
        (nostro.id, world.NOON, lines),
    )
    db.run("UPDATE settlement_railcursor SET balance = balance - %s", (len(lines),))
    for line in lines:
        ledger.post(
            key=f"line:{line}", kind="CHARGE", source_type="statement_line", source_id=line, effective_at=now, business_date=TUESDAY,
            lines=[
                debit(Ref(nostro.entity_id, Kind.CAPITAL, nostro.asset_id), D(1)),
                credit(Ref(nostro.entity_id, Kind.NOSTRO, nostro.asset_id, owner_id=nostro.id), D(1)),
            ],
        )  # fmt: skip


def work(plan: dict[str, Any]) -> int:
    """Rows that a node and those below it gave or threw away, over all their loops."""
    thrown = sum(count for name, count in plan.items() if name.startswith("Rows Removed"))
    return int((plan["Actual Rows"] + thrown) * plan["Actual Loops"]) + sum(work(one) for one in plan.get("Plans", []))


@pytest.mark.parametrize("analyzed", [False, True])
def test_a_proof_touches_each_line_a_few_times(analyzed: bool, superuser_session: Any) -> None:
    nostro = here.open_house("USD")["USD"]
    jobs.poll_rails()
    book(nostro=nostro, lines=[ids.uuid7() for _ in range(LINES)])
    if analyzed:
        superuser_session.execute("ANALYZE")
    assert reconcile(entity_id=days.entity_id(), on=TUESDAY).breaks == []
    for name in ("_BALANCE", "_MOVEMENT"):
        sql = f"EXPLAIN (ANALYZE, FORMAT JSON) {getattr(reconciling, name)}"
        plan = db.one(sql, {"entity": days.entity_id(), "on": TUESDAY})[0][0]
        assert work(plan["Plan"]) < ROWS_A_LINE * LINES
