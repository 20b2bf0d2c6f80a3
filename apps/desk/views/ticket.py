"""The quote ticket: why a person prices it, at what, what the client will see, and what it does to the credit line."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods, require_POST

from apps.core.actor import Actor
from apps.desk import ticket as form
from apps.desk.access import page
from apps.desk.amounts import Unreadable
from apps.desk.once import FormOnce, carry_out
from apps.desk.templatetags.desk import amount, rounded
from apps.desk.ticket import Row, Size
from apps.pricing.errors import PriceUnavailable
from apps.pricing.rules import Composite, Side, away_bps
from apps.pricing.rules import depth as book_depth
from apps.pricing.rules.margin import Margin, over_cost
from apps.pricing.rules.worth import usd_per
from apps.reports.queries.desk import ticket
from apps.reports.queries.desk.ticket import Ticket
from apps.rfqs import rules
from apps.rfqs.states import Side as RfqSide
from apps.trades.queries import find_plan
from apps.workflows.quote_by_hand import Preview, preview_by_hand, quote_by_hand

from . import params
from .acts import acts_of, may_quote, may_work
from .book import read_book
from .shell import goto, show

LIVES_S = (5, 10, 15, 30, 60, 120)


@dataclass(frozen=True, slots=True)
class Column:
    """One side of the ticket: bid left, ask right."""

    side: Side
    row: Row
    margin: Margin | None
    price: Any  # the amounts at that rate
    suggested: Any
    headroom: Any
    profit: Decimal | None
    cost: Decimal
    held: Decimal | None  # base in the book, where it holds less than the size
    limit: Decimal | None


@page("rfqs")
@require_http_methods(["GET", "HEAD", "POST"])
def ticket_page(request: HttpRequest, actor: Actor, rfq: str) -> HttpResponse:
    """A POST works the rates out again from what was typed; nothing is kept."""
    found = ticket.get_ticket(params.decode("rfq", rfq, "request"))
    if not found.is_open or not may_work(actor):
        return goto(request, "desk:rfq", rfq=rfq)
    is_mine = found.owner_id == actor.id
    context: dict[str, Any] = {
        "t": found,
        "quotes": ticket.list_quotes_of(found.id),
        "plan": find_plan(found.id),
        "acts": acts_of(found.status, found.owner_id, actor),
        "is_mine": is_mine,
        "may_send": is_mine and may_quote(actor) and found.status in {"PICKED_UP", "QUOTED"},
        "lock": _lock(request),
        "life": read_life(request, found),
        "lives": LIVES_S,
        "is_sure": request.POST.get("sure") == "1",
        "rejections": rules.REJECTIONS,
    }
    context |= _prices(request, actor, found)
    title = f"Ticket {found.client_name} {found.pair}"
    return show(request, actor, "desk/ticket.html", screen="rfqs", title=title, **context)


@page("rfqs")
@require_POST
def send(request: HttpRequest, actor: Actor, rfq: str) -> HttpResponse:
    """Send the rates that were in sight."""
    found = ticket.get_ticket(params.decode("rfq", rfq, "request"))
    depth = read_book(found.pair)
    prices = {RfqSide(side): form.sent_rate(request.POST.dict(), _size(found, side, depth)) for side in found.sides}
    once = FormOnce(
        request, actor, operation="quote", tell=lambda quote: f"Quote {quote.number} is with {found.client_name}: {_told(quote, found)}"
    )
    told = carry_out(
        once,
        quote_by_hand,
        actor=actor,
        rfq_id=found.id,
        prices=prices,
        ttl_ms=read_life(request, found) * 1000,
        depth=depth,
        usd_per_quote=usd_per(found.quote_asset, depth),
        sure=request.POST.get("sure") == "1",
    )
    messages.success(request, told)
    return goto(request, "desk:rfqs")


def read_life(request: HttpRequest, found: Ticket) -> int:
    """The life of the quote in seconds, within the bounds of a person's quote; 30 s where nothing is typed."""
    text = request.POST.get("life", "").strip()
    if not text:
        return rules.DEFAULT_HAND_TTL_MS // 1000
    least, most = (ms // 1000 for ms in rules.HAND_TTL_MS)
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and least <= int(text) <= most):
        raise Unreadable(f"life: {least} to {most} whole seconds", pointer="life")
    return int(text)


def _prices(request: HttpRequest, actor: Actor, found: Ticket) -> dict[str, Any]:
    """The pricing panel; without a price it says why."""
    use = request.POST.get("use", "")
    typed = {} if use == "suggested" else request.POST.dict()
    if use == "limit":
        typed = {name: value for name, value in typed.items() if not name.endswith(f"_{found.limit_side}")}
    lock = _lock(request)
    try:
        depth = read_book(found.pair)
        sizes = {side: _size(found, side, depth) for side in found.sides}
        rates = {side: rate for side, size in sizes.items() if (rate := form.rate_of(typed, size, lock)) is not None}
        if use == "limit" and found.limit_price is not None:
            rates[Side(found.limit_side)] = found.limit_price
        preview = _preview(actor, found, depth, rates if len(rates) == len(sizes) else {})
    except PriceUnavailable as no:
        return {"no_price": no.detail, "columns": [], "typed": form.kept(request.POST.dict())}
    columns = [_column(found, sizes[side], preview, rates.get(side), typed, lock, depth) for side in found.sides]
    bands = [words for c in columns if (words := _band(found, c, depth.mid))]
    return {"columns": columns, "preview": preview, "sources": depth.sources, "mid": depth.mid, "as_of": depth.as_of, "bands": bands}


def _band(found: Ticket, column: Column, mid: Decimal) -> str:
    """What is said of a price far from the mid; empty for one within the pair's band."""
    if column.price is None or (away := away_bps(column.price.price, mid)) <= found.sure_bps:
        return ""
    name = "ask" if column.side is Side.BUY else "bid"
    far = f"The {name} is {rounded(away, 0)} bp from the mid"
    return f"{far}: more than the {rounded(found.refuse_bps, 0)} bp that anybody may deal." if away > found.refuse_bps else f"{far}."


def _preview(actor: Actor, found: Ticket, depth: Composite, rates: dict[Side, Decimal]) -> Preview:
    out: Preview = preview_by_hand(
        actor=actor,
        rfq_id=found.id,
        prices={RfqSide(side): rate for side, rate in rates.items()},
        depth=depth,
        usd_per_quote=usd_per(found.quote_asset, depth),
    )
    return out


def _column(
    found: Ticket, size: Size, preview: Preview, rate: Decimal | None, typed: dict[str, str], lock: str, depth: Composite
) -> Column:
    side = RfqSide(size.side)
    price = preview.priced.get(side)
    margin = None
    if price is not None:
        margin = over_cost(size.side, cost=price.reference, rate=price.price, quantity=price.quantity)
        row = form.row_of({} if lock == "rate" else typed, margin)
    else:
        row = form.Row(size.side, "" if rate is None else amount(rate), "", "", "")
    levels = depth.asks if size.side is Side.BUY else depth.bids
    held = book_depth(levels)
    return Column(
        side=size.side,
        row=row,
        margin=margin,
        price=price,
        suggested=preview.suggested.get(side),
        headroom=None if preview.headroom is None else preview.headroom.get(side),
        profit=preview.profit.get(side),
        cost=size.cost,
        held=held if held < size.quantity else None,
        limit=found.limit_price if found.limit_side == size.side else None,
    )


def _size(found: Ticket, side: Side, depth: Composite) -> Size:
    return form.size_of(side, quantity=found.quantity, quote_quantity=found.quote_quantity, depth=depth, tick=found.tick)


def _lock(request: HttpRequest) -> str:
    asked = request.POST.get("lock", "")
    return asked if asked in form.LOCKS else form.LOCKS[0]


def _told(quote: Any, found: Ticket) -> str:
    prices = [f"{side}s at {amount(getattr(quote, f'{side}_price'))}" for side in found.sides]
    return f"the client {' or '.join(prices)}"
