"""A tester asks to be refused: what refuses it in life is made so first, inside the request's own transaction, and undone with the refusal.

The platform then refuses by itself: the line is cut, the account suspended, the quote withdrawn, by the steps that our people's own acts
stand on. Nobody else sees any of it: what a refusal undoes is everything since the request was claimed (core.unit). In a sandbox alone.
"""

import inspect
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import IntegrityError

from apps.clients import operations as clients
from apps.clients import queries as client_queries
from apps.clients.models import SettlementMode
from apps.clients.states import ClientStatus
from apps.core import clock, db, flights
from apps.core.actor import Actor
from apps.core.errors import AppError, Conflict, NotFound, Rejected
from apps.core.unit import current, use_case
from apps.credit import operations as credit
from apps.credit import queries as credit_queries
from apps.credit.models import Line
from apps.credit.operations.lines import Limits
from apps.credit.rules import Mark
from apps.credit.states import Level, Measure
from apps.instruments.errors import PastCutoff
from apps.pricing import operations as pricing
from apps.pricing import queries as prices
from apps.rfqs import operations as rfqs
from apps.rfqs import queries as rfq_queries
from apps.rfqs.operations import Figures
from apps.rfqs.rendering import AMOUNTS
from apps.rfqs.states import RfqStatus, Side, Withdrawal
from apps.users import queries as users

from . import quoting, stage_before, stage_words, taking
from .change_status import lower
from .found_test_client import require_sandbox, same_terms
from .stage_acts import WHY, cap_deals
from .stage_asked import Asked, Cause, NotBefallen, account_of, client_of, deal_of

LEAST, TTL_MS = Decimal("0.01"), 10_000
_WHILE, _WEEK_H = timedelta(hours=1), 8 * 24


@use_case
def befall(*, call: Callable[..., Any], code: str, now: datetime, **asked: Any) -> None:
    """Run `call`, a use case, once the cause of a refusal stands.

    :raises AppError: what it is refused with under that cause; SandboxOnly
    :raises NotBefallen: not with this code, or the cause cannot be (it stands already, or the request names nothing that it is of)
    """
    require_sandbox()
    try:
        others = CAUSES[code](asked | {"call": call}, now)
        if not others.keys() <= {"now", *inspect.signature(call).parameters}:
            raise NotBefallen(f"{code}: the request says nothing of it")
        asked |= others
        flights.flush()
    except (AppError, IntegrityError, KeyError, ValueError) as no:
        raise NotBefallen(code) from no
    try:
        call.__wrapped__(**{"now": now} | asked)  # type: ignore[attr-defined]
        flights.flush()
        current().finish()  # what is put off may refuse too
    except (Conflict, Rejected) as no:
        if no.code != code:
            raise NotBefallen(f"{code}: {no.code} instead") from no
        no.extra["scenario"] = "caused"
        raise
    raise NotBefallen(code)


@use_case
def refuse(*, no: Conflict | Rejected, now: datetime, **_asked: Any) -> None:
    """What a tester asked for is refused as it is in life: the answer is stored and found again, and the event is told.

    :raises AppError: `no`; SandboxOnly
    """
    require_sandbox()
    raise no


# --- of the client ----------------------------------------------------------------------------------------------------
def _suspended(asked: Asked, now: datetime) -> Asked:
    return _lowered(asked, ClientStatus.SUSPENDED, now)


def _restricted(asked: Asked, now: datetime) -> Asked:
    return _lowered(asked, ClientStatus.RESTRICTED, now)


def _lowered(asked: Asked, status: ClientStatus, now: datetime) -> Asked:
    lower(client_id=client_of(asked), status=status, reason=WHY, now=now)
    return {}


def _halted(asked: Asked, now: datetime) -> Asked:
    pricing.throw_halt(actor=asked["actor"], reason=WHY, client_id=client_of(asked), now=now)
    return {}


def _asks_too_much(asked: Asked, now: datetime) -> Asked:
    clients.set_fair_use(client_id=client_of(asked), level="HARD", requests=1000, deals=0, until=now + _WHILE, now=now)
    return {}


def _without_role(asked: Asked, now: datetime) -> Asked:
    member_id = asked["actor"].id
    for held in client_queries.list_authorities(member_id):
        clients.set_authority(member_id=member_id, account_id=held.account_id, roles=["viewer"], dealing_limit=None)
    return {}


def _deals_little(asked: Asked, now: datetime) -> Asked:
    member = asked["actor"]
    clients.set_authority(
        member_id=member.id, account_id=account_of(asked).id, roles=sorted(member.roles | {"trader"}), dealing_limit=LEAST
    )
    return {}


def _capped_key(asked: Asked, now: datetime) -> Asked:
    actor: Actor = asked["actor"]
    key = client_queries.get_own_key(actor.key_id, actor=actor)
    capped = clients.set_scopes(key_pk=key.id, scopes=key.scopes, cidrs=key.allowed_cidrs, caps={"deal_usd": "0.01"})
    return {"actor": replace(actor, caps=capped.caps)}


# --- of its terms -----------------------------------------------------------------------------------------------------
def _no_balance(asked: Asked, now: datetime) -> Asked:
    if "withdrawal_id" in asked:
        return stage_before.held_balance(asked, now)
    return _other_terms(asked, now, mode=SettlementMode.PREFUNDED)


def _without_pair(asked: Asked, now: datetime) -> Asked:
    pair = asked["ask"].pair if "ask" in asked else asked["pair"]
    pairs = client_queries.get_terms(account_of(asked).id, now).pairs
    return _other_terms(asked, now, pairs=[one for one in pairs if one != pair])


def _absurd_margin(asked: Asked, now: datetime) -> Asked:
    return _other_terms(asked, now, markup_bps=Decimal(5000))


def _greedy(asked: Asked, now: datetime) -> Asked:
    """We want to earn more a side than what is sold is worth."""
    pair = asked["ask"].pair if "ask" in asked else asked["pair"]
    policy, person = prices.get_policy(pair), users.list_with("trader")[0]
    pricing.set_policy(
        pair_code=pair,
        terms=replace(prices.terms_of(policy), minimum_earn=stage_words.MOST),
        expected_version=policy.version,
        maker=(person.pk, person.username),
        reason=WHY,
        now=now,
    )
    return {"ask": replace(asked["ask"], side=Side.SELL)} if "ask" in asked else {"side": Side.SELL, "limit_price": LEAST}


def _other_terms(asked: Asked, now: datetime, **other: Any) -> Asked:
    account = account_of(asked)
    clients.set_terms(account=account, now=now, **same_terms(client_queries.get_terms(account.id, now)) | other)
    return {}


# --- of its lines -----------------------------------------------------------------------------------------------------
def _full_line(asked: Asked, now: datetime) -> Asked:
    """Marks use up what is left of it."""
    line = credit_queries.lock_line_by_id(_line(asked).id)
    left = credit_queries.limit_of(line, now) - credit_queries.exposure_of(line)
    credit.set_revalued(line=line, value=line.revalued + left, now=now)
    return {}


def _breached_line(asked: Asked, now: datetime) -> Asked:
    """Marks carry the use past it."""
    line = credit_queries.lock_line_by_id(_line(asked).id)
    credit.set_revalued(line=line, value=credit_queries.limit_of(line, now) + 1, now=now)
    return {}


def _capped_account(asked: Asked, now: datetime) -> Asked:
    cap_deals(account_of(asked).id, Limits(amount=LEAST, valid_from=now - _WHILE, valid_until=now + _WHILE), now)
    return {}


def _stale_marks(asked: Asked, now: datetime) -> Asked:
    """No source has told for an hour what the assets of the pair are worth."""
    pair = asked["ask"].pair if "ask" in asked else asked["pair"]
    old, known = Mark(LEAST, now - _WHILE, is_stale=True), credit_queries.read_marks()
    credit.set_marks(marks={asset: replace(known.get(asset, old), is_stale=True) for asset in pair.split("-")})
    return {}


def _line(asked: Asked) -> Line:
    line = credit_queries.find_line(Level.CLIENT, client_of(asked), Measure.PRE_SETTLEMENT)
    if line is None:
        raise NotBefallen("no line")
    return line


# --- of the quote and its request -------------------------------------------------------------------------------------
def _expired(asked: Asked, now: datetime) -> Asked:
    return _at(deal_of(asked)[1].expires_at, now)


def _answered(asked: Asked, now: datetime) -> Asked:
    deal, quote = deal_of(asked)
    taking.give_back(rfq_id=deal.rfq_id, account_id=deal.account_id, mode=deal.mode, now=now)
    rfqs.decline(quote_id=quote.id, deal=deal, now=now)
    return {}


def _withdrawn(asked: Asked, now: datetime) -> Asked:
    deal, _ = deal_of(asked)
    rfqs.withdraw(rfq=rfq_queries.lock_rfq(deal.rfq_id), reason=Withdrawal.DESK, now=now)
    return {}


def _superseded(asked: Asked, now: datetime) -> Asked:
    """The same prices again as its next quote; the minimum life of this one is over."""
    deal, quote = deal_of(asked)
    sides = [side for side in (Side.BUY, Side.SELL) if getattr(quote, f"{side}_price") is not None]
    prices = {side: {name: getattr(quote, f"{side}_{name}") for name in AMOUNTS} for side in sides}
    rfqs.requote(
        rfq=rfq_queries.lock_rfq(deal.rfq_id),
        account_code=client_queries.get_account(deal.account_id, actor=asked["actor"]).code,
        figures=Figures(prices, quote.reference_mid, quote.provenance),
        ttl_ms=TTL_MS,
        min_life=timedelta(0),
        priced_by=None,
        now=now,
    )
    return {}


def _closed(asked: Asked, now: datetime) -> Asked:
    rfq = rfq_queries.get_rfq(asked["rfq_id"], actor=asked["actor"])
    taking.give_back(rfq_id=rfq.id, account_id=rfq.account_id, mode="", now=now)
    rfqs.end_rfq(rfq_id=rfq.id, status=RfqStatus.REJECTED, reason="other", note=WHY, now=now)
    return {}


def _past_cutoff(asked: Asked, now: datetime) -> Asked:
    """It asks for today, at the next hour at which today is over for it: past a cut-off, or on a day that is not good."""
    ask = asked["ask"]
    dealing = rfq_queries.get_dealing(actor=asked["actor"], account_id=asked["account_id"], pair=ask.pair)
    if dealing is None:
        raise NotFound(ask.pair)
    for hours in range(_WEEK_H):
        try:
            quoting.value_date(dealing, "T+0", until := now + timedelta(hours=hours))
        except PastCutoff:
            return _at(until, now) | {"ask": replace(ask, tenor="T+0")}
    raise NotFound("it settles at any time")


def _cut_off(asked: Asked, now: datetime) -> Asked:
    """The database ends a statement that takes too long."""
    db.run("SET LOCAL statement_timeout = '5ms'")
    db.run("SELECT pg_sleep(1)")
    return {}


def _at(moment: datetime, now: datetime) -> Asked:
    """The desk clock stands there."""
    if moment > now:
        clock.shift_desk(moment - clock.wall_now())
    return {"now": max(moment, now)}


CAUSES: dict[str, Cause] = {
    "account_unavailable": _suspended,
    "not_risk_reducing": _restricted,
    "trading_halted": _halted,
    "fair_use": _asks_too_much,
    "not_entitled": _without_role,
    "no_settlement_authority": _without_role,
    "no_word": _without_role,
    "not_an_admin": _without_role,
    "dealing_limit_exceeded": _deals_little,
    "key_cap_exceeded": _capped_key,
    "insufficient_balance": _no_balance,
    "instrument_not_allowed": _without_pair,
    "quote_inconsistent": _absurd_margin,
    "size_too_small": _greedy,
    "credit_exceeded": _full_line,
    "credit_breached": _breached_line,
    "cap_exceeded": _capped_account,
    "mark_stale": _stale_marks,
    "past_cutoff": _past_cutoff,
    "quote_expired": _expired,
    "quote_answered": _answered,
    "quote_withdrawn": _withdrawn,
    "quote_superseded": _superseded,
    "rfq_closed": _closed,
    "busy": _cut_off,
    **stage_words.CAUSES,
    **stage_before.CAUSES,
}
