"""Deals that are changed: asked by one of ours, checked by another; and the ledger as an accountant reads it."""

from decimal import Decimal as D
from typing import Any
from uuid import UUID

from apps.approvals.models import Approval
from apps.core import db
from apps.core.actor import Actor
from apps.trades.models import Trade
from apps.users.models import User
from apps.workflows.change_deal import Changes, ask_version
from apps.workflows.decide_approval import decide_approval
from tests.people import staff

WORDS = {"reason": "DESK_ERROR", "note": "the price was typed wrong", "consent": "call of 15 September, 12:20, recorded"}


def person(name: str, *roles: str) -> Actor:
    there = User.objects.filter(username=name).first()
    return there.as_actor() if there else staff(name, *roles)


def ask(trade: Trade, *, cancel: bool = False, maker: Actor | None = None, words: dict[str, Any] | None = None, **changes: Any) -> Approval:
    """What tom the trader asks for: a correction, or a cancellation."""
    given = {name: D(value) if name in {"price", "quantity", "fee"} else value for name, value in changes.items()}
    return ask_version(
        actor=maker or person("tom", "trader"),
        trade_id=trade.id,
        changes=None if cancel else Changes(**given),
        **{**WORDS, **(words or {})},
    )


def check(asked: Approval, approve: bool = True) -> Approval:
    """What olga of operations answers."""
    return decide_approval(approval_id=asked.id, actor=person("olga", "operations"), approve=approve)


def change(trade: Trade, **kw: Any) -> Approval:
    done = check(ask(trade, **kw))
    assert done.status == "EXECUTED", (done.status, done.comment)
    return done


def owed(trade: Trade) -> list[str]:
    """Every obligation of a deal, in the order in which it came: 'v1 RECEIVE 40004 USD 2026-09-16 OPEN'."""
    rows = db.run(
        """SELECT v.number, o.direction, trim_scale(o.amount), o.asset_id, o.value_date, o.status
           FROM settlement_obligation o JOIN trades_tradeversion v ON v.id = o.version_id
           WHERE o.trade_id = %s ORDER BY v.number, o.direction DESC, o.asset_id DESC, o.id""",
        (trade.id,),
    )
    return [f"v{n} {way} {amount} {asset} {day} {status}" for n, way, amount, asset, day, status in rows]


def journal(*sources: UUID) -> list[str]:
    """What was posted for these, a line an entry, debits positive: 'DEAL RECEIVABLE USD 40004'."""
    rows = db.run(
        """SELECT t.kind, a.kind, l.asset_code, trim_scale(l.amount)
           FROM ledger_ledgertransaction t JOIN ledger_ledgerline l ON l.transaction_id = t.id
           JOIN ledger_ledgeraccount a ON a.id = l.account_id
           WHERE t.source_id = ANY (%s::uuid[]) ORDER BY t.recorded_at, t.id, l.asset_code DESC, a.kind DESC, l.id""",
        (db.array(sources),),
    )
    return [f"{kind} {account} {asset} {amount}" for kind, account, asset, amount in rows]


def told(client_id: UUID, *kinds: str) -> list[dict[str, Any]]:
    """The payloads of a client's events of some kinds, in its own order."""
    rows = db.run("SELECT kind, public FROM events_event WHERE client_id = %s AND client_seq IS NOT NULL ORDER BY client_seq", (client_id,))
    return [{"kind": kind, **(db.loads(public) if isinstance(public, str) else public)} for kind, public in rows if kind in kinds]
