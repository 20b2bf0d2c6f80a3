"""The books as an accountant reads them in a worked case: the lines posted since, what the client was told, and that all is proven."""

from decimal import Decimal

from apps.core import db
from apps.ledger import queries as ledger
from apps.reports.queries import proofs
from apps.settlement import queries as settlement
from tests import world


def count() -> int:
    """How many ledger lines there are."""
    return int(db.one("SELECT count(*) FROM ledger_ledgerline")[0])


def entries(after: int) -> list[tuple[str, str, Decimal]]:
    """(kind of the entry, account and asset, amount) of every line after the first `after`, in order, debits positive."""
    rows = db.run(
        """SELECT t.kind, a.kind || ' ' || l.asset_code, trim_scale(l.amount) FROM ledger_ledgerline l
           JOIN ledger_ledgertransaction t ON t.id = l.transaction_id
           JOIN ledger_ledgeraccount a ON a.id = l.account_id ORDER BY l.id OFFSET %s""",
        (after,),
    )
    return [(kind, account, amount) for kind, account, amount in rows]


def posted(after: int) -> list[str]:
    """The same as text: 'PAYMENT_SENT PAYABLE BTC 2'."""
    return [f"{kind} {account} {amount:f}" for kind, account, amount in entries(after)]


def seen_by(firm: world.Firm, *subjects: str) -> list[str]:
    """The kinds of events that a client got about these, in its own order."""
    rows = db.run("SELECT kind FROM events_event WHERE client_id = %s AND client_seq IS NOT NULL ORDER BY client_seq", (firm.client_id,))
    return [kind for (kind,) in rows if kind.split(".")[0] in subjects]


def proven() -> None:
    """Every line of `manage.py verify` holds, and the position identity per asset."""
    with db.snapshot():
        assert [(one.name, one.details) for one in proofs.run() if not one.ok] == []
    for entity_id in {nostro.entity_id for nostro in settlement.list_nostros()}:
        for one in ledger.list_identity(entity_id):
            assert one.holds, one
