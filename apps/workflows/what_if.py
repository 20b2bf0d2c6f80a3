"""What a list of deals would take of credit, one after the other, at the mids of now. Nothing is locked, stored or reserved."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.clients.models import SettlementMode
from apps.core import ids, money
from apps.core.actor import Actor
from apps.core.errors import Rejected
from apps.credit import queries as credit
from apps.credit.rules import Headroom
from apps.ledger import queries as ledger
from apps.ledger.errors import InsufficientBalance
from apps.ledger.rules import Ref
from apps.ledger.states import Kind
from apps.pricing.rules import Composite
from apps.rfqs import queries as rfqs
from apps.rfqs.errors import UnknownInstrument
from apps.rfqs.queries import Dealing

from . import quoting, taking
from .quoting import Market


@dataclass(frozen=True, slots=True)
class Deal:
    """One deal as it was read off the wire; `side` is the client's."""

    instrument: str
    side: str
    account_id: UUID | None = None
    quantity: Decimal | None = None
    quote_quantity: Decimal | None = None


class _Taken:
    """What the deals before this one would have taken."""

    def __init__(self) -> None:
        self.of_lines: dict[Any, Decimal] = defaultdict(Decimal)
        self.of_balances: dict[Ref, Decimal] = defaultdict(Decimal)


def what_if(
    *, actor: Actor, deals: Sequence[Deal], depths: Mapping[str, Composite | None], worth: Mapping[str, Decimal | None], now: datetime
) -> list[dict[str, Any]]:
    """Headroom after each deal and the limit that binds; what does not fit takes nothing, and the next is looked at without it.

    :param depths: the merged book of each instrument
    :param worth: of one unit of each instrument's quote asset, in USD
    :raises NotFound: an account that the key does not name
    """
    taken, out = _Taken(), []
    for deal in deals:
        dealing = rfqs.get_dealing(actor=actor, account_id=deal.account_id, pair=deal.instrument)
        step: dict[str, Any] = {"instrument": deal.instrument, "fits": True}
        try:
            if dealing is None:
                raise UnknownInstrument(deal.instrument)
            quoting.require_may_ask(dealing)
            room = _take(dealing, deal, quoting.require_market(depths[deal.instrument], worth[deal.instrument]), taken, now)
        except Rejected as no:
            out.append(step | {"fits": False, "code": no.code, "detail": no.detail} | _limit(no))
            continue
        out.append(step | _told(room))
    return out


def _take(dealing: Dealing, deal: Deal, market: Market, taken: _Taken, now: datetime) -> Headroom:
    quantity = quoting.size_of(deal, market)
    notional = quantity * market.mid * market.usd_per_quote
    claim = taking.claim_of(dealing, ids.uuid7(), notional, quoting.value_date(dealing, "", now).day, now)
    facts = credit.read(claim)
    lines = [line.with_more(taken.of_lines[line.id, line.day]) for line in facts.lines]
    room, takes = replace(facts, lines=lines).take(claim, now)
    balance = _hold(dealing, deal, quantity, market, taken) if dealing.mode == SettlementMode.PREFUNDED else None
    for line, more in takes:
        taken.of_lines[line.id, line.day] += more
    return room if balance is None else balance


def _hold(dealing: Dealing, deal: Deal, quantity: Decimal, market: Market, taken: _Taken) -> Headroom:
    buys = deal.side == "buy"
    asset, scale = (dealing.quote, dealing.quote_scale) if buys else (dealing.base, dealing.base_scale)
    amount = money.round_up(quantity * market.mid if buys else quantity, scale)
    ref = Ref(dealing.entity_id, Kind.CLIENT_BALANCE, asset, owner_id=dealing.account_id)
    free = ledger.available_but_for(ref, source_id=dealing.account_id) - taken.of_balances[ref]
    if amount > free:
        raise InsufficientBalance(f"{money.text(free)} {asset} available, {money.text(amount)} needed")
    taken.of_balances[ref] += amount
    return Headroom(before=free, after=free - amount, currency=asset, binding="BALANCE", share_used=money.ZERO)


def _told(room: Headroom) -> dict[str, str]:
    out = {
        "headroom_before": money.text(room.before),
        "headroom_after": money.text(room.after),
        "headroom_currency": room.currency,
        "binding": room.binding,
    }
    return out | ({"binding_measure": room.measure} if room.measure else {})


def _limit(no: Rejected) -> dict[str, str]:
    names = {"binding": "binding", "measure": "binding_measure"}
    return {told: str(no.extra[name]) for name, told in names.items() if name in no.extra}
