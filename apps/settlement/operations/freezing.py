"""At the cut-off: what is open becomes one set, whole, in one statement however much it is."""

from datetime import date, datetime
from uuid import UUID

from apps.clients.models import Account
from apps.core import db, ids, money
from apps.core.unit import step
from apps.settlement.errors import NothingToFreeze
from apps.settlement.models import NetLeg, NetSet
from apps.settlement.queries.locks import lock_members
from apps.settlement.rules import netting

from . import settling
from .settling import Dues

# Who is in (queries.due says the same to the sweep), what each asset nets to (rules.netting says it to the preview), the set and its legs.
# Locking, adding up and marking are one statement: an obligation that commits meanwhile is in all of it or in none.
_FREEZE = """
WITH made AS (
  INSERT INTO settlement_netset (id, account_id, entity_id, value_date, cutoff_at, attempt, status, agree_by, frozen_at)
  SELECT %(id)s::uuid, %(account)s::uuid, %(entity)s::uuid, %(day)s::date, %(cutoff)s::timestamptz, coalesce(max(attempt), 0) + 1, 'FROZEN',
         %(agree_by)s::timestamptz, %(now)s::timestamptz
  FROM settlement_netset
  WHERE account_id = %(account)s::uuid AND entity_id = %(entity)s::uuid AND value_date = %(day)s::date
    AND cutoff_at = %(cutoff)s::timestamptz
  RETURNING attempt
), taken AS (
  SELECT o.id, o.asset_id, CASE o.direction WHEN 'PAY' THEN o.amount ELSE -o.amount END AS due
  FROM settlement_obligation o
  WHERE o.status = 'OPEN' AND o.value_date = %(day)s::date AND o.account_id = %(account)s::uuid AND o.entity_id = %(entity)s::uuid
    AND o.booked_at <= %(cutoff)s::timestamptz AND (o.held_until IS NULL OR o.held_until <= %(cutoff)s::timestamptz)
    AND NOT EXISTS (SELECT 1 FROM trades_trade t JOIN clients_terms c ON c.id = t.terms_id WHERE t.id = o.trade_id AND c.mode = 'PREFUNDED')
    AND NOT EXISTS (SELECT 1 FROM trades_dispute d WHERE d.trade_id = o.trade_id AND d.status = 'OPEN')
  ORDER BY o.id FOR NO KEY UPDATE OF o
), legs AS (
  INSERT INTO settlement_netleg (id, net_set_id, asset_id, direction, amount, settled_amount, status)
  SELECT uuidv7(), %(id)s::uuid, asset_id, CASE WHEN sum(due) >= 0 THEN 'PAY' ELSE 'RECEIVE' END, abs(sum(due)), 0, 'OPEN'
  FROM taken GROUP BY asset_id
  RETURNING id, asset_id, direction, amount
), members AS (
  UPDATE settlement_obligation o SET status = 'NETTED', net_leg_id = l.id FROM taken t JOIN legs l USING (asset_id) WHERE o.id = t.id
)
SELECT m.attempt, l.id, l.asset_id, l.direction, l.amount FROM made m CROSS JOIN legs l ORDER BY l.asset_id
"""


@step
def freeze(*, account: Account, entity_id: UUID, value_date: date, cutoff_at: datetime, silence_agrees: bool, now: datetime) -> NetSet:
    """Net the OPEN obligations of a value date that were booked at or before the cut-off; a zero leg settles at once.

    :param account: its money rows are held by the caller, its terms have payment netting on file
    :raises NothingToFreeze: the cut-off lies ahead, there is no such obligation, or a set of this cut-off is alive
    """
    if cutoff_at > now:
        raise NothingToFreeze(f"the cut-off is at {cutoff_at.isoformat()}")
    net_set = NetSet(
        id=ids.uuid7(),
        account=account,
        entity_id=entity_id,
        value_date=value_date,
        cutoff_at=cutoff_at,
        agree_by=max(cutoff_at, now) + netting.AGREE_WITHIN if silence_agrees else None,
        frozen_at=now,
    )
    given = {"id": net_set.id, "account": account.id, "entity": entity_id, "day": value_date, "cutoff": cutoff_at}
    with db.refuse_on("netset_one_alive", NothingToFreeze("it is frozen already")):
        rows = db.run(_FREEZE, {**given, "agree_by": net_set.agree_by, "now": now})
    if not rows:
        raise NothingToFreeze("no open obligation")
    net_set.attempt, net_set._state.adding, net_set._state.db = rows[0][0], False, "default"
    legs = [
        NetLeg(id=leg_id, net_set=net_set, asset_id=asset, direction=direction, amount=amount, settled_amount=money.ZERO)
        for _, leg_id, asset, direction, amount in rows
    ]
    settling.tell(net_set=net_set, kind="net_set.frozen", legs=legs)
    for leg in legs:
        if not leg.amount:
            leg._state.adding, leg._state.db = False, "default"
            settling.settle_legs(dues=[Dues(net_set, leg, lock_members([leg.id]))], now=now)
    return net_set
