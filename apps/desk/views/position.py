"""Position: what each book holds and earned, live and at approved marks, and what may be done about it."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from apps.clients import queries as clients
from apps.core import clock
from apps.core.actor import Actor
from apps.desk import amounts
from apps.desk.access import page
from apps.desk.amounts import Unreadable
from apps.desk.once import FormOnce, carry_out
from apps.instruments import queries as instruments
from apps.pricing import queries as pricing
from apps.pricing.feeds import bus
from apps.reports.queries.desk import blotter, hedges, pnl, position
from apps.reports.queries.desk import credit as lines
from apps.users.rules import may_make
from apps.workflows.book_hedge import ask_hedge
from apps.workflows.book_internal import ask_internal
from apps.workflows.check_hedge import Execution
from apps.workflows.hedge_breaks import ask_hedge_move, describe, import_lp_record
from apps.workflows.import_fills import LONGEST_FILE
from apps.workflows.limit_position import propose_limit

from . import params
from .parts import part_of
from .shell import show

CHECKED = "a second person has to check it"


@page("position")
@require_safe
def position_page(request: HttpRequest, actor: Actor) -> HttpResponse:
    now = clock.desk_now()
    today = params.today(now)
    day = params.day(request, "day") or today
    pairs, lps = list(instruments.list_pairs()), list(clients.list_liquidity())
    context: dict[str, Any] = {
        "entities": [(e, _results(e, day, now if day == today else None, pairs)) for e in position.list_positions()],
        "totals": blotter.totals(blotter.Filter(since=day, until=day)),
        "hedges": part_of(request, "hedges", partial(hedges.list_of_day, day), _executed),
        "breaks": part_of(request, "breaks", hedges.list_breaks, _executed),
        "unknown": part_of(request, "unknown", hedges.list_unknown, lambda one: (one.trade_date, one.lp, one.line)),
        "at_lps": hedges.list_at_lps(),
        "owed": part_of(request, "owed", hedges.list_owed, lambda one: (one.value_date, one.lp, one.asset)),
        "lp_lines": [row for row in lines.list_lines(subjects=[lp.id for lp in lps]) if row.level == "LP"],
        "day": day,
        "is_today": day == today,
    }
    context |= {f"may_{act}": may_make(actor.roles, act) for act in ("hedge", "hedge_break", "hedge_cancel", "lp_record", "internal")}
    context["may_limit"] = may_make(actor.roles, "position_limit")
    if request.headers.get("HX-Target") != "live":
        books = [b for e in instruments.list_entities() for b in instruments.list_books(e.id)]
        context |= {
            "lps": lps,
            "pairs": pairs,
            "books": books,
            "assets": instruments.list_assets(),
            "past_limits": _past_limits(books),
        }
    return show(request, actor, "desk/position.html", screen="position", now=now, **context)


def _executed(one: hedges.HedgeRow) -> tuple[datetime, UUID]:
    return one.executed_at, one.id


def _results(entity: position.EntityPosition, day: date, now: datetime | None, pairs: Sequence[Any]) -> dict[str, Any]:
    """Live, and at the approved marks of the day where there are some; a day that is over has no live result."""
    approved = pricing.find_approved_marks(entity.id, day)
    closed = {} if approved is None else {
        r.code: r for r in pnl.list_results(entity.id, entity.currency, day, pnl.closing_marks(entity.currency, approved))
    }  # fmt: skip
    if now is None:
        return {"books": list(closed.values()), "closed": closed, "is_live": False}
    composites = bus.read_all(pair.code for pair in pairs)
    marks = pnl.live_marks(entity.currency, composites, approved or pricing.find_last_marks(entity.id, day) or {}, now)
    return {"books": pnl.list_results(entity.id, entity.currency, day, marks), "closed": closed, "is_live": True}


def _past_limits(books: Sequence[Any]) -> list[tuple[Any, str]]:
    codes: dict[UUID, str] = {book.id: book.code for book in books}
    return [(one, codes.get(one.book_id, "")) for one in pricing.list_past_position_limits()]


@page("position")
@require_POST
def hedge(request: HttpRequest, actor: Actor) -> HttpResponse:
    """One line: what a trader dealt with an LP, for operations to check."""
    pair = params.posted(request, "instrument")
    execution = Execution(
        counterparty=params.posted(request, "counterparty"),
        book=params.posted(request, "book"),
        instrument=pair,
        side=params.posted(request, "side"),
        quantity=amounts.read(params.posted(request, "quantity"), "quantity"),
        price=amounts.read(params.posted(request, "price"), "price"),
        fee=_fee(request),
        execution_id=params.posted(request, "execution_id"),
        executed_at=_moment_or_now(request, "executed_at"),
        trader=None,
        covers=_id(request, "covers", "trd", "deal"),
        pre_hedge_of=_id(request, "pre_hedge_of", "rfq", "request"),
    )
    once = FormOnce(request, actor, operation="hedge", tell=lambda asked: f"{asked.title}: {CHECKED}")
    messages.success(request, carry_out(once, ask_hedge, actor=actor, execution=execution, mids=bus.read_all([pair])))
    return redirect("desk:position")


@page("position")
@require_POST
def move_hedge(request: HttpRequest, actor: Actor, trade: str) -> HttpResponse:
    """A break that stands as booked, or a hedge that never was."""
    move = params.posted(request, "move")
    if move not in {"confirm", "cancel"}:
        raise Unreadable("move: confirm or cancel", pointer="move")
    once = FormOnce(request, actor, operation="hedge", tell=lambda asked: f"{asked.title}: {CHECKED}")
    trade_id = params.decode("trd", trade, "hedge")
    told = carry_out(once, ask_hedge_move, actor=actor, trade_id=trade_id, move=move, reason=params.posted(request, "reason"))
    messages.success(request, told)
    return redirect("desk:position")


@page("position")
@require_POST
def internal(request: HttpRequest, actor: Actor) -> HttpResponse:
    pair = params.posted(request, "instrument")
    depth = bus.read_all([pair]).get(pair)
    once = FormOnce(request, actor, operation="internal", tell=lambda asked: f"{asked.title}: {CHECKED}")
    told = carry_out(
        once,
        ask_internal,
        actor=actor,
        book=params.posted(request, "book"),
        to_book=params.posted(request, "to_book"),
        instrument=pair,
        side=params.posted(request, "side"),
        quantity=amounts.read(params.posted(request, "quantity"), "quantity"),
        price=_amount_or(request, "price", None),
        mid=depth.mid if depth is not None and depth.is_dealable else None,
        reason=params.posted(request, "reason"),
    )
    messages.success(request, told)
    return redirect("desk:position")


@page("position")
@require_POST
def limit(request: HttpRequest, actor: Actor) -> HttpResponse:
    once = FormOnce(request, actor, operation="position_limit", tell=lambda asked: f"{asked.title}: {CHECKED}")
    told = carry_out(
        once,
        propose_limit,
        actor=actor,
        book=params.posted(request, "book"),
        asset=params.posted(request, "asset"),
        soft=amounts.read(params.posted(request, "soft"), "soft"),
        hard=amounts.read(params.posted(request, "hard"), "hard"),
        reason=params.posted(request, "reason"),
    )
    messages.success(request, told)
    return redirect("desk:position")


@page("position")
@require_POST
def lp_record(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The LP's own record of a business date, as a file."""
    file = request.FILES.get("file")
    if file is None or isinstance(file, list):
        raise Unreadable("file: choose the LP's record", pointer="file")
    raw = file.read(LONGEST_FILE + 1)
    on = params.needed_day(request, "date")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Unreadable("file: not text in UTF-8", pointer="file") from None
    once = FormOnce(request, actor, operation="lp_record", tell=describe)
    told = carry_out(once, import_lp_record, actor=actor, counterparty=params.posted(request, "counterparty"), on=on, text=text)
    messages.success(request, f"{file.name}: {told}")
    return redirect("desk:position")


def _fee(request: HttpRequest) -> Decimal | None:
    """Nothing typed is what the LP's terms say, which a typed zero is not."""
    return _amount_or(request, "fee", Decimal(0)) if params.posted(request, "fee") else None


def _amount_or(request: HttpRequest, name: str, empty: Decimal | None) -> Decimal | None:
    typed = params.posted(request, name)
    if typed.strip("0.") == "" and empty is not None:
        return empty
    return amounts.read(typed, name) if typed else empty


def _moment_or_now(request: HttpRequest, name: str) -> datetime:
    typed = params.posted(request, name)
    return amounts.read_moment(typed, name) if typed else clock.desk_now().astimezone(UTC)


def _id(request: HttpRequest, name: str, prefix: str, what: str) -> UUID | None:
    typed = params.posted(request, name)
    return params.decode(prefix, typed, what) if typed else None
