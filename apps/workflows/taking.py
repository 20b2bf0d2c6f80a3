"""What a quote takes of the client: its lines and caps, or a hold on its balance; given back where nothing comes of it."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from apps.clients import queries as clients
from apps.clients import rules as client_rules
from apps.clients.errors import AccountUnavailable
from apps.clients.models import SettlementMode
from apps.core import money
from apps.core.errors import Rejected
from apps.core.unit import step
from apps.credit import operations as credit
from apps.credit import queries as credit_queries
from apps.credit import rules as credit_rules
from apps.credit.errors import LineBreached, NotReducing
from apps.credit.rules import Claim, Headroom
from apps.instruments import rules as calendar
from apps.ledger import operations as ledger
from apps.ledger import queries as ledger_queries
from apps.ledger.errors import InsufficientBalance
from apps.ledger.rules import Ref
from apps.ledger.states import Kind
from apps.rfqs.queries import Dealing
from apps.rfqs.states import Side
from apps.trades import queries as trades

from . import quoting
from .quoting import Market, Sides


def claim_of(dealing: Dealing, rfq_id: UUID, notional: Decimal, day: date, now: datetime) -> Claim:
    """What a quote of this worth in USD takes of the client's lines and caps."""
    return Claim(
        source_id=rfq_id,
        group_id=dealing.group_id,
        client_id=dealing.client_id,
        account_id=dealing.account_id,
        pair=dealing.pair,
        base=dealing.base,
        quote=dealing.quote,
        mode=dealing.mode,
        notional=notional,
        value_date=day,
        trade_date=calendar.business_date(now, calendar.Roll(dealing.roll, dealing.roll_zone)),
    )


@step
def reserve(*, dealing: Dealing, rfq_id: UUID, priced: Sides, market: Market, day: date, now: datetime) -> dict[Side, Headroom]:
    """Reserve the client's line, or hold its balance, for a request that has nothing yet; headroom by side.

    :raises AppError: DealingLimit, CreditExceeded, CapExceeded, LineBreached, MarkStale, InsufficientBalance: it does not fit
    """
    client_rules.require_within(dealing.dealing_limit, quoting.notional_of(priced, market))
    if dealing.mode == SettlementMode.PREFUNDED:
        if dealing.has_caps:
            credit.reserve(claim=claim_of(dealing, rfq_id, quoting.notional_of(priced, market), day, now), now=now)
        return _hold(dealing, rfq_id, priced, now)
    head = credit.reserve(claim=claim_of(dealing, rfq_id, quoting.notional_of(priced, market), day, now), now=now)
    return dict.fromkeys(priced, head)


@step
def adjust_by_hand(
    *, dealing: Dealing, rfq_id: UUID, priced: Sides, market: Market, day: date, lower: bool, now: datetime
) -> dict[Side, Headroom]:
    """:func:`adjust` for a person's price. A restricted client, or one past its line, may take off what it has open: that reserves nothing.

    :raises AppError: as :func:`adjust`, and NotReducing
    """
    side, price = next(iter(priced.items()))
    if quoting.is_restricted(dealing):
        require_reducing(dealing, rfq_id, str(side) if len(priced) == 1 else "two_way", price.quantity)
    else:
        try:
            return adjust(dealing=dealing, rfq_id=rfq_id, priced=priced, market=market, day=day, lower=lower, now=now)
        except LineBreached:
            if len(priced) > 1 or not reducing(dealing, rfq_id, str(side), price.quantity):
                raise
    claim = replace(claim_of(dealing, rfq_id, quoting.notional_of(priced, market), day, now), reduces=price.quantity)
    return dict.fromkeys(priced, credit.adjust(claim=claim, lower=True, now=now))


@step
def adjust(*, dealing: Dealing, rfq_id: UUID, priced: Sides, market: Market, day: date, lower: bool, now: datetime) -> dict[Side, Headroom]:
    """Bring what a request has reserved or held to what its next quote needs; never less while an older quote may still be executed.

    :raises AppError: CreditExceeded, CapExceeded, LineBreached, MarkStale, InsufficientBalance: it does not fit
    """
    if dealing.mode == SettlementMode.PREFUNDED:
        if dealing.has_caps:
            credit.adjust(claim=claim_of(dealing, rfq_id, quoting.notional_of(priced, market), day, now), lower=lower, now=now)
        return _hold_anew(dealing, rfq_id, priced, lower, now)
    head = credit.adjust(claim=claim_of(dealing, rfq_id, quoting.notional_of(priced, market), day, now), lower=lower, now=now)
    return dict.fromkeys(priced, head)


def look(dealing: Dealing, rfq_id: UUID, priced: Sides, market: Market, day: date, now: datetime) -> dict[Side, Headroom]:
    """Headroom before and after, as `adjust` would find it; nothing is locked or taken.

    :raises CreditExceeded, InsufficientBalance: it does not fit
    """
    if dealing.mode == SettlementMode.PREFUNDED:
        out = {}
        for side, ref in balances(dealing, priced):
            free, amount = ledger_queries.available_but_for(ref, source_id=rfq_id), priced[side].client_pays
            if amount > free:
                raise InsufficientBalance(f"{money.text(free)} {ref.asset} available, {money.text(amount)} needed")
            out[side] = _left(free, amount, ref.asset)
        return out
    head = credit_queries.look(claim=claim_of(dealing, rfq_id, quoting.notional_of(priced, market), day, now), now=now)
    return dict.fromkeys(priced, head)


@dataclass(frozen=True, slots=True)
class Agreed:
    """What a deal on behalf took. `is_short`: a balance does not hold it, so that it is owed until the client has paid."""

    headroom: dict[Side, Headroom]
    fits: bool
    is_short: bool


@step
def take_agreed(*, dealing: Dealing, rfq_id: UUID, trade_id: UUID, priced: Sides, market: Market, day: date, now: datetime) -> Agreed:
    """Take what a deal on behalf needs of lines, caps or balance, whether it fits or not.

    What lies beyond a line is a breach on record; of a balance that is short nothing is taken.
    """
    lock_money(mode=dealing.mode, group_id=dealing.group_id, client_id=dealing.client_id, account_id=dealing.account_id)
    claim = claim_of(dealing, rfq_id, quoting.notional_of(priced, market), day, now)
    headroom: dict[Side, Headroom] = {}
    fits = True
    try:
        headroom = look(dealing, rfq_id, priced, market, day, now)
    except AccountUnavailable:  # RESTRICTED: flagged as such
        pass
    except Rejected:
        fits = False
    is_prefunded = dealing.mode == SettlementMode.PREFUNDED
    if is_prefunded and fits:
        _hold(dealing, rfq_id, priced, now)
    is_short = is_prefunded and not fits
    if not is_prefunded or dealing.has_caps:
        fits = credit.book_agreed(claim=claim, deal_id=trade_id, now=now).fits and not is_short
    return Agreed(headroom, fits, is_short)


@step
def lock_money(*, mode: str, group_id: UUID | None, client_id: UUID, account_id: UUID) -> None:
    """Before the request and its quote: the house order of locks."""
    credit.lock_lines(group_id=group_id, client_id=client_id, account_id=account_id)
    if mode == SettlementMode.PREFUNDED:
        clients.lock_account(account_id)


@step
def give_back(*, rfq_id: UUID, account_id: UUID, mode: str, now: datetime) -> None:
    """Release the lines and void the hold that a request took; nothing taken is fine."""
    credit.release(source_id=rfq_id, now=now)
    if mode == SettlementMode.PREFUNDED:
        clients.lock_account(account_id)
        ledger.void_holds(source_id=rfq_id, now=now)


def balances(dealing: Dealing, priced: Sides) -> list[tuple[Side, Ref]]:
    """What the client would pay from, by side, in the order in which balances are locked."""
    assets = {side: dealing.quote if side is Side.BUY else dealing.base for side in priced}
    refs = {side: Ref(dealing.entity_id, Kind.CLIENT_BALANCE, asset, owner_id=dealing.account_id) for side, asset in assets.items()}
    return sorted(refs.items(), key=lambda item: item[1].id)


def _hold(dealing: Dealing, rfq_id: UUID, priced: Sides, now: datetime) -> dict[Side, Headroom]:
    """Set aside what the client would pay, on each side quoted, in order of the accounts' ids."""
    clients.lock_account(dealing.account_id)
    out = {}
    for side, ref in balances(dealing, priced):
        amount = priced[side].client_pays
        free = ledger.hold(ref=ref, amount=amount, source_type="rfq", source_id=rfq_id, now=now)
        out[side] = _left(free, amount, ref.asset)
    return out


def _hold_anew(dealing: Dealing, rfq_id: UUID, priced: Sides, lower: bool, now: datetime) -> dict[Side, Headroom]:
    clients.lock_account(dealing.account_id)
    out = {}
    for side, ref in balances(dealing, priced):
        amount = priced[side].client_pays
        free = ledger.hold_anew(ref=ref, amount=amount, lower=lower, source_type="rfq", source_id=rfq_id, now=now)
        out[side] = _left(free, amount, ref.asset)
    return out


def _left(free: Decimal, amount: Decimal, asset: str) -> Headroom:
    return Headroom(before=free, after=free - amount, currency=asset, binding="BALANCE", share_used=money.ZERO)


def reducing(dealing: Dealing, rfq_id: UUID, side: str, quantity: Decimal) -> bool:
    """Whether a deal lies against what the account has open in the pair, less what its other requests would take off already."""
    net = trades.open_net_quantity(dealing.account_id, dealing.pair)
    others = credit_queries.sum_reducing(dealing.account_id, dealing.pair, besides=rfq_id)
    return credit_rules.reduces(side, quantity, max(abs(net) - others, money.ZERO).copy_sign(net))


def require_reducing(dealing: Dealing, rfq_id: UUID, side: str, quantity: Decimal) -> None:
    """:raises NotReducing: it does not only take off what is open"""
    if not reducing(dealing, rfq_id, side, quantity):
        raise NotReducing("only a deal against your own open quantity in this instrument, and no larger")
