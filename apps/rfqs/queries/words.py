"""How a request and a quote are told to a client: REST answers and events are the same words."""

from typing import Any

from apps.core import ids, money
from apps.rfqs import rules
from apps.rfqs.models import Quote, Rfq
from apps.rfqs.rendering import stamp
from apps.rfqs.states import Side


def describe_side(quote: Quote, side: Side) -> dict[str, str] | None:
    """One side's price and amounts as decimal strings; None when it was not quoted."""
    price = getattr(quote, f"{side}_price")
    if price is None:
        return None
    names = ("quantity", "quote_quantity", "fee", "client_pays", "client_receives")
    out = {"price": money.text(price)} | {name: money.text(getattr(quote, f"{side}_{name}")) for name in names}
    told: dict[str, str] = quote.provenance.get("headroom", {}).get(str(side), {})
    return out | told


def describe_quote(quote: Quote) -> dict[str, Any]:
    told = quote.provenance
    out: dict[str, Any] = {
        "id": ids.encode("quo", quote.id),
        "rfq_id": ids.encode("rfq", quote.rfq_id),
        "number": quote.number,
        "status": str(quote.status),
        "firm": True,
        "value_date": told["value_date"],
        "cutoffs": told["cutoffs"],
        "created_at": stamp(quote.created_at),
        "expires_at": stamp(quote.expires_at),
        "reference_mid": money.text(quote.reference_mid),
        "spread_bps": told["spread_bps"],
        "sources": told["sources"],
        "response_time_us": quote.response_time_us,
    }
    for side in (Side.BUY, Side.SELL):
        if (described := describe_side(quote, side)) is not None:
            out[str(side)] = described
    if "receipt" in told:
        out["quote_receipt"] = told["receipt"]
    if quote.good_until is not None:
        out["good_until"] = stamp(quote.good_until)
    if quote.end_reason:
        out["reason"] = quote.end_reason
    return out


def describe_rfq(rfq: Rfq, quote: Quote | None, account_code: str) -> dict[str, Any]:
    out: dict[str, Any] = {
        "id": ids.encode("rfq", rfq.id),
        "client_rfq_id": rfq.client_rfq_id,
        "account_id": ids.encode("acc", rfq.account_id),
        "account": account_code,
        "instrument": rfq.pair_id,
        "side": str(rfq.side),
        "quantity": None if rfq.quantity is None else money.text(rfq.quantity),
        "quote_quantity": None if rfq.quote_quantity is None else money.text(rfq.quote_quantity),
        "tenor": rfq.tenor,
        "value_date": rfq.value_date.isoformat(),
        "channel": str(rfq.channel),
        "stream": rfq.stream,
        "status": str(rfq.status),
        "received_at": stamp(rfq.received_at),
        "respond_by": stamp(rfq.respond_by),
    }
    if rfq.limit_price is not None:
        out["limit"] = {"side": rfq.limit_side, "price": money.text(rfq.limit_price)}
    out |= _reason(rfq)
    if rfq.duplicate_of is not None:
        out["warnings"] = [{"code": "possible_duplicate", "rfq_id": ids.encode("rfq", rfq.duplicate_of)}]
    if quote is not None:
        out["quote"] = describe_quote(quote)
    return out


def describe_state(rfq: Rfq) -> dict[str, Any]:
    """Where a request stands, for the events of its moves."""
    named = {"id": ids.encode("rfq", rfq.id), "client_rfq_id": rfq.client_rfq_id, "status": str(rfq.status)}
    return named | _reason(rfq)


def _reason(rfq: Rfq) -> dict[str, Any]:
    """Why it ended, with what FIX calls it, or why it waits."""
    out: dict[str, Any] = {}
    if rfq.end_reason:
        out["reason"] = rfq.end_reason
    elif rfq.reasons and rfq.status in rules.WAITING:
        out["reason"] = "priced_by_a_person"
    if (fix := rules.fix_codes(rfq.status, rfq.end_reason)) is not None:
        out["fix"] = fix
    return out
