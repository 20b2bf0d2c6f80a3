"""Every check that a request for a price would meet, all at once: nothing is stored, locked, taken or priced for the client."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from apps.clients import queries as clients
from apps.clients import rules as client_rules
from apps.clients.errors import AccountUnavailable, FairUseExceeded
from apps.clients.models import SettlementMode
from apps.clients.states import ClientStatus
from apps.core import ids
from apps.core.actor import Actor
from apps.core.errors import AppError, Conflict, Forbidden, NotFound, Rejected
from apps.credit import queries as credit
from apps.credit.errors import LineBreached
from apps.credit.rules import Headroom
from apps.instruments import queries as instruments
from apps.instruments.rules import ValueDate
from apps.pricing import queries as pricing
from apps.pricing.rules import Composite
from apps.rfqs import queries as rfqs
from apps.rfqs.errors import DuplicateRfq, UnknownInstrument
from apps.rfqs.operations import Ask
from apps.rfqs.queries import Dealing
from apps.rfqs.states import Side

from . import quoting, sharing, taking
from .quoting import Market
from .sharing import Block, Share

_NO = (NotFound, Forbidden, Conflict, Rejected, FairUseExceeded)
_HEARD = {ClientStatus.APPROVED, ClientStatus.RESTRICTED}


@dataclass(slots=True)
class Verdict:
    """What would become of a request: QUOTED at once, RECEIVED by a person, or REFUSED for every one of `problems`."""

    problems: list[AppError] = field(default_factory=list)
    by_person: bool = False
    settles: ValueDate | None = None
    headroom: Mapping[Side, Headroom] = field(default_factory=dict)

    @property
    def outcome(self) -> str:
        return "REFUSED" if self.problems else "RECEIVED" if self.by_person else "QUOTED"

    def hears(self, check: Callable[[], None]) -> None:
        try:
            check()
        except _NO as no:
            self.problems.append(no)


def validate_rfq(
    *,
    actor: Actor,
    account_id: UUID | None,
    ask: Ask,
    is_whole: bool,
    depth: Composite | None,
    usd_per_quote: Decimal | None,
    shares: Sequence[Share] = (),
    now: datetime,
) -> Verdict:
    """
    :param ask: what could be read of the request: an empty pair, and neither of the quantities, where it could not
    :param is_whole: all of it could be read; what could not be is not priced
    :param depth: the pair's merged book
    :param usd_per_quote: what one unit of the quote asset is worth in USD
    :param shares: how its deal would be shared out
    """
    verdict = Verdict()
    if ask.client_rfq_id and actor.client_id is not None and rfqs.is_reference_used(actor.client_id, ask.client_rfq_id):
        verdict.problems.append(DuplicateRfq(ask.client_rfq_id, pointer="/client_rfq_id"))
    try:
        dealing = rfqs.get_dealing(actor=actor, account_id=account_id, pair=ask.pair)
    except NotFound as no:
        verdict.problems.append(NotFound(no.detail, pointer="/account_id"))
        return verdict
    if dealing is None:
        if ask.pair:
            verdict.problems.append(UnknownInstrument(ask.pair, pointer="/instrument"))
        verdict.hears(lambda: _require_account(actor, account_id))
        return verdict
    verdict.problems += quoting.objections(dealing, may_reduce=True)
    if shares:
        verdict.hears(lambda: _share_out(actor, dealing, ask, shares, now))
    verdict.hears(lambda: quoting.require_fair_use(dealing, now))
    verdict.hears(lambda: _settle(verdict, dealing, ask, now))
    market: list[Market] = []
    verdict.hears(lambda: market.append(quoting.require_market(depth, usd_per_quote)))
    if not market or (ask.quantity is None) == (ask.quote_quantity is None):
        return verdict
    verdict.hears(lambda: quoting.require_size(dealing, ask, market[0]))
    if is_whole and not verdict.problems:
        verdict.hears(lambda: _price(verdict, actor, dealing, ask, market[0], now))
    return verdict


def _require_account(actor: Actor, account_id: UUID | None) -> None:
    """Of an account that could not be looked at together with its instrument.

    :raises AccountUnavailable: its status or its client's does not allow a deal
    """
    accounts = clients.visible_to(actor)
    account = accounts.filter(id=account_id).first() if account_id is not None else accounts.filter(is_default=True).first()
    if account is not None and client_rules.stricter(account.owner.status, account.status) not in _HEARD:
        raise AccountUnavailable("no deals on this account")


def _share_out(actor: Actor, dealing: Dealing, ask: Ask, shares: Sequence[Share], now: datetime) -> None:
    base, terms = instruments.get_asset(dealing.base), clients.get_terms(dealing.account_id, now)
    sharing.require_authority(actor, dealing.account_id)
    sharing.read_shares(Block(dealing.client_id, dealing.account_id, terms, base, ask.quantity, ask.quantity), shares, actor, now)


def _settle(verdict: Verdict, dealing: Dealing, ask: Ask, now: datetime) -> None:
    verdict.settles = quoting.value_date(dealing, ask.tenor, now)


def _price(verdict: Verdict, actor: Actor, dealing: Dealing, ask: Ask, market: Market, now: datetime) -> None:
    """What price and money would say, as request_quote asks them."""
    assert verdict.settles is not None
    rfq_id = ids.uuid7()
    policy = pricing.policy_of(dealing.policy)
    priced, reasons = quoting.price_sides(dealing, policy, ask, market, ttl_ms=ask.ttl_ms, now=now)
    verdict.by_person = bool(reasons)
    size = quoting.size_of(ask, market)
    client_rules.require_caps(actor.caps, ask.pair, size * market.mid * market.usd_per_quote)
    if quoting.is_restricted(dealing):
        taking.require_reducing(dealing, rfq_id, str(ask.side), size)
        verdict.by_person = True
        return
    if reasons:
        return  # a person sees what credit says, and decides
    client_rules.require_within(dealing.dealing_limit, quoting.notional_of(priced, market))
    try:
        if dealing.mode == SettlementMode.PREFUNDED and dealing.has_caps:
            notional = quoting.notional_of(priced, market)
            credit.look(claim=taking.claim_of(dealing, rfq_id, notional, verdict.settles.day, now), now=now)
        verdict.headroom = taking.look(dealing, rfq_id, priced, market, verdict.settles.day, now)
    except LineBreached:
        if not taking.reducing(dealing, rfq_id, str(ask.side), size):
            raise
        verdict.by_person = True
    verdict.by_person |= any(head.share_used > dealing.auto_credit_share for head in verdict.headroom.values())
