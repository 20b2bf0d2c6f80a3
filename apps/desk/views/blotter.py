"""The blotter: every deal by keyset, its totals, and the same filter as a file."""

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.views.decorators.http import require_safe

from apps.core import ids, money
from apps.core.actor import Actor
from apps.desk.access import page
from apps.reports.queries.desk import blotter
from apps.reports.queries.desk.blotter import DealRow, Filter
from apps.reports.rendering import csvfile

from . import params
from .shell import show

PAGE = 50
COLUMNS = (
    "trade_id", "kind", "status", "version", "booked_at", "trade_date", "value_date", "counterparty", "book", "side", "pair", "quantity",
    "price", "quote_quantity", "fee", "fee_asset", "reference_mid", "margin", "margin_bps", "we_pay", "we_receive", "source", "reference",
)  # fmt: skip


def chosen_filter(request: HttpRequest) -> Filter:
    return Filter(
        client=params.text(request, "client"),
        pair=params.text(request, "pair"),
        kind=params.text(request, "kind", ("CLIENT", "HEDGE", "INTERNAL")),
        status=params.text(request, "status", ("ACTIVE", "CANCELLED")),
        settlement=params.text(request, "settlement", ("open", "settled", "late")),
        since=params.day(request, "since"),
        until=params.day(request, "until"),
    )


@page("blotter")
@require_safe
def blotter_page(request: HttpRequest, actor: Actor) -> HttpResponse:
    chosen = chosen_filter(request)
    before = params.place(request, "trd")
    rows = blotter.list_page(chosen, before=before, limit=PAGE + 1)
    following = ""
    if len(rows) > PAGE:
        rows = rows[:PAGE]
        following = params.keyset(rows[-1].booked_at, "trd", rows[-1].id)
    context: dict[str, Any] = {
        "rows": rows,
        "chosen": chosen,
        "following": following,
        "is_first": before is None,
        "totals": blotter.totals(chosen),
    }
    if request.headers.get("HX-Target") != "live":
        context["clients"], context["pairs"] = blotter.clients_and_pairs()
    return show(request, actor, "desk/blotter.html", screen="blotter", **context)


@page("blotter")
@require_safe
def blotter_csv(request: HttpRequest, _actor: Actor) -> StreamingHttpResponse:
    """The filter's deals, newest first; amounts as plain decimals, times in UTC."""
    response = StreamingHttpResponse(
        csvfile.encode(COLUMNS, _cells(blotter.walk(chosen_filter(request)))), content_type="text/csv; charset=utf-8"
    )
    response["Content-Disposition"] = 'attachment; filename="blotter.csv"'
    return response


def _cells(rows: Iterator[DealRow]) -> Iterator[list[str]]:
    for r in rows:
        margin_bps = "" if r.margin_bps is None else money.text(money.round_even(r.margin_bps, 4))
        yield [
            ids.encode("trd", r.id), r.kind, r.status, str(r.version), r.booked_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), str(r.trade_date),
            str(r.value_date), r.counterparty, r.book, r.side, r.pair, money.text(r.quantity), money.text(r.price),
            money.text(r.quote_quantity), money.text(r.fee), r.fee_asset, "" if r.mid is None else money.text(r.mid),
            "" if r.margin is None else money.text(r.margin), margin_bps, r.we_pay or "", r.we_receive or "", r.source, r.reference,
        ]  # fmt: skip
