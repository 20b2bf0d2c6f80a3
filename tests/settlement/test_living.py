"""What sweeps and the board look for stands in indexes of what lives: plans that read no history.

In a table that is empty the planner takes any index that gives the order, so none is asked for here.
"""

from typing import Any

import pytest

from apps.core import db

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("sql", "index"),
    [
        ("net_set_id FROM settlement_netleg WHERE status = 'OPEN'", "netleg_open"),
        ("id FROM settlement_netset WHERE status = 'FROZEN' AND agree_by <= now()", "netset_living"),
        ("id FROM settlement_netset WHERE status IN ('FROZEN', 'DISPUTED', 'AGREED', 'SETTLING')", "netset_living"),
        ("id FROM settlement_obligation WHERE status = 'OPEN' AND value_date <= now()", "obligation_living"),
        ("id FROM settlement_obligation WHERE status IN ('OPEN', 'NETTED', 'INSTRUCTED', 'PART_SETTLED')", "obligation_living"),
    ],
)
def test_what_lives_is_found_by_its_index(sql: str, index: str) -> None:
    def used(plan: dict[str, Any]) -> set[str]:
        return {plan.get("Index Name", "")} | {name for one in plan.get("Plans", []) for name in used(one)}

    db.run("SET enable_seqscan = off")
    try:
        [(plan,)] = db.run(f"EXPLAIN (FORMAT JSON) SELECT {sql}")
    finally:
        db.run("RESET enable_seqscan")
    assert index in used(plan[0]["Plan"])
