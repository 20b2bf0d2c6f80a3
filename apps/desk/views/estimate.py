"""What requests that wait for a person would earn at policy's price, by the book as it is now: a look, never a quote."""

from collections.abc import Sequence
from uuid import UUID

from apps.core.errors import AppError
from apps.instruments import queries as instruments
from apps.pricing import queries as pricing
from apps.pricing import rules
from apps.pricing.feeds import bus
from apps.pricing.rules import PairSpec, Side
from apps.pricing.rules.margin import Margin, over_cost
from apps.reports.queries.desk.rfqs import RfqRow
from apps.rfqs import rules as rfq_rules


def margins_of(rows: Sequence[RfqRow]) -> dict[UUID, list[Margin]]:
    """By request, each side asked for, the bid first; without the skew of our position. None where there is no price of the size."""
    if not rows:
        return {}
    pairs = {pair.code: pair for pair in instruments.list_pairs()}
    policies = {policy.pair_code: policy for policy in pricing.list_policies()}
    books = bus.read_all({row.pair for row in rows})
    out: dict[UUID, list[Margin]] = {}
    for row in rows:
        depth, policy, pair = books.get(row.pair), policies.get(row.pair), pairs.get(row.pair)
        if depth is None or not depth.is_dealable or policy is None or pair is None:
            continue
        spec = PairSpec(pair.base_id, pair.quote_id, pair.tick, pair.base.scale, pair.quote.scale)
        spread = pricing.spread_of(policy, tier=row.tier, markup_bps=row.markup_bps)
        try:
            sides = [
                rules.client_price(
                    Side(side), depth=depth, pair=spec, spread=spread, quantity=row.quantity, quote_quantity=row.quote_quantity
                )
                for side in reversed(rfq_rules.sides_of(row.side))
            ]
        except AppError:  # the book does not hold it, or nothing is left
            continue
        out[row.id] = [over_cost(s.side, cost=s.reference, rate=s.price, quantity=s.quantity) for s in sides]
    return out
