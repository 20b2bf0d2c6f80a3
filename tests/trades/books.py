"""What tests of hedges start from: a venue, an LP, our people, and the books' identity after each move."""

from datetime import UTC, datetime
from decimal import Decimal as D

from apps.core import clock, db
from apps.core.actor import Actor
from apps.instruments import queries as instruments
from apps.ledger import queries as ledger
from apps.pricing.rules import Composite
from apps.reports.queries.proofs import ledger as proofs
from apps.workflows.check_hedge import Execution
from apps.workflows.import_fills import COLUMNS
from apps.workflows.onboard_client import register_counterparty
from tests import people, world

AT = datetime(2026, 9, 15, 11, 59, 58, tzinfo=UTC)
HEADER = ",".join(COLUMNS) + "\n"


def open_desk() -> dict[str, Actor]:
    clock.freeze_desk(world.NOON)
    register_counterparty(code="venue", name="Venue Ltd", lei="", country="GB", roles=["VENUE"])
    register_counterparty(code="lp", name="Liquidity SA", lei="", country="CH", roles=["LP"])
    return {
        "tara": people.staff("tara", "trader"),
        "olga": people.staff("olga", "operations"),
        "oscar": people.staff("oscar", "operations"),
        "rita": people.staff("rita", "risk"),
        "sam": people.staff("sam", "sales"),
    }


def execution(**changes: object) -> Execution:
    given: dict[str, object] = {
        "counterparty": "venue", "book": "main", "instrument": "BTC-USD", "side": "buy", "quantity": D("1.5"), "price": D(20000),
        "fee": D(3), "execution_id": "x-1", "executed_at": AT,
    }  # fmt: skip
    return Execution(**(given | changes))  # type: ignore[arg-type]


def mids() -> dict[str, Composite]:
    return {"BTC-USD": world.depth(at=AT)}


def line(**changes: str) -> str:
    given = {
        "counterparty": "venue", "execution_id": "x-1", "instrument": "BTC-USD", "side": "buy", "quantity": "1.5", "price": "20000",
        "fee": "3", "executed_at": AT.isoformat(),
    }  # fmt: skip
    return ",".join((given | changes)[name] for name in COLUMNS) + "\n"


def positions(book: str = "main") -> dict[str, D]:
    """Net open position per asset, after the identity of every asset was proven."""
    entity = instruments.get_entity("flowdesk")
    for one in ledger.list_identity(entity.id):
        assert one.holds, one
    for proof in proofs.LINES:
        assert proof.prove().ok, proof.name
    return {asset: amount for asset, amount in ledger.list_positions(entity.id, instruments.get_book(book).id).items() if amount}


def rows(table: str) -> int:
    return int(db.one(f"SELECT count(*) FROM {table}")[0])
