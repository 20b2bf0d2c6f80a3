"""A quote's receipt: the facts that our key signs, in one fixed order of their names. No Django."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from apps.core import ids, money

if TYPE_CHECKING:
    from .models import Quote, Rfq

AMOUNTS = ("price", "quantity", "quote_quantity", "fee", "client_pays", "client_receives")
VERSION = 1


def receipt_facts(rfq: "Rfq", quote: "Quote", account_code: str) -> dict[str, Any]:
    """What was quoted, to whom, out of what, for how long, by whom. All of it was told to the client; none of it changes later."""
    made = quote.provenance
    facts: dict[str, Any] = {
        "version": VERSION,
        "quote_id": ids.encode("quo", quote.id),
        "rfq_id": ids.encode("rfq", rfq.id),
        "client_rfq_id": rfq.client_rfq_id,
        "client_id": ids.encode("cli", rfq.client_id),
        "account_id": ids.encode("acc", rfq.account_id),
        "account": account_code,
        "instrument": rfq.pair_id,
        "number": quote.number,
        "tenor": rfq.tenor,
        "value_date": made["value_date"],
        "created_at": stamp(quote.created_at),
        "expires_at": stamp(quote.expires_at),
        "reference_mid": money.text(quote.reference_mid),
        "spread_bps": made["spread_bps"],
        "sources": made["sources"],
        "priced_by": "desk" if quote.priced_by_id else "auto",
    }
    for side in ("buy", "sell"):
        if getattr(quote, f"{side}_price") is not None:
            facts[side] = {name: money.text(getattr(quote, f"{side}_{name}")) for name in AMOUNTS}
    return facts


def receipt_payload(rfq: "Rfq", quote: "Quote", account_code: str) -> bytes:
    """The facts as the bytes that are signed: JSON with sorted names, without spaces."""
    return orjson.dumps(receipt_facts(rfq, quote, account_code), option=orjson.OPT_SORT_KEYS)


def stamp(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds."""
    return f"{moment.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
