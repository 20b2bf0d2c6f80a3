"""The confirmation of one version of a deal, out of the document that is kept: printed twice it is the same to the byte."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from ..pdf import render
from ..rows import Issuer
from ..table import Document, Row, Table, columns
from .words import long_date

_SIDE = {"buy": "You buy", "sell": "You sell"}
_TITLE = {"NEW": "Trade confirmation", "CORRECT": "Trade confirmation, corrected", "CANCEL": "Cancellation of a trade"}


def confirmation(told: Mapping[str, Any]) -> Document:
    """:param told: a confirmation as REST tells it"""
    d = told["document"]
    base, _, quote = str(d["instrument"]).rpartition("-")
    pays, receives = d["client_pays"], d["client_receives"]
    number = "not numbered yet" if d["number"] is None else str(d["number"])
    rows = [
        (_SIDE[d["side"]], f"{d['quantity']} {base}"),
        ("At", f"{d['price']} {quote} for one {base}"),
        ("Amount", f"{d['quote_quantity']} {quote}"),
        ("Fee", f"{d['fee']} {d['fee_asset']}"),
        ("You pay", f"{pays['amount']} {pays['asset']}"),
        ("You receive", f"{receives['amount']} {receives['asset']}"),
        ("Value date", long_date(date.fromisoformat(d["value_date"]))),
    ]
    why = [] if d["action"] == "NEW" else [
        ("Reason", str(d["reason"]).replace("_", " ").capitalize()), ("In words", d["note"]), ("Your consent", d["consent"]),
        ("True since", d["effective_at"]),
    ]  # fmt: skip
    return Document(
        title=_TITLE[d["action"]],
        issuer=Issuer("", d["house"]["name"], d["house"]["lei"], ""),
        reference=f"Confirmation {number}, {d['trade_id']}",
        generated=datetime.fromisoformat(str(told.get("sent_at") or d["booked_at"])),
        facts=[
            ("Client", d["client"]["name"]),
            ("Account", d["client"]["account"]),
            ("Confirmation number", number),
            ("Version", str(d["version"])),
            ("LEI", d["client"]["lei"] or "not given"),
            ("Trade date", long_date(date.fromisoformat(d["trade_date"]))),
            ("Dealt at", str(d["booked_at"])[:19].replace("T", " ") + " UTC"),
            ("Your order", d["client_order_id"] or "none"),
        ],
        tables=[
            Table("What was cancelled" if d["action"] == "CANCEL" else "What was dealt", columns("Term 30 | As agreed 70"), _rows(rows)),
            *([Table("Why this version", columns("Term 30 | As agreed 70"), _rows(why))] if why else []),
        ],
        notes=[
            f"Deal {d['trade_id']}. SHA-256 of the confirmation's document: {told.get('digest') or 'not issued yet'}.",
            "Please affirm this confirmation, or dispute it, without delay: over the API, or by a word to your contact.",
        ],
    )


def confirmation_pdf(told: Mapping[str, Any]) -> bytes:
    return render(confirmation(told))


def _rows(pairs: list[tuple[str, str]]) -> list[Row]:
    return [Row(list(pair)) for pair in pairs]
