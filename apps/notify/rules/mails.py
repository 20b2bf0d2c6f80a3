"""Which event is told to whom, and in which words. No Django.

Clients get only what the event's public payload holds; our own people get the house's words, never amounts of credit, keys or reasons of
compliance. Whatever a person typed is squeezed to one line before it may stand in a subject.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SUBJECT_MAX = 200
MAX_TRIES = 5
LEASE_S = 300  # how long a sender may take before another worker tries
BACKOFF_S = (30, 120, 600, 1800)


@dataclass(frozen=True, slots=True)
class Mail:
    subject: str
    body: str


# kind → subject of the mail to the client that the event belongs to
TO_CLIENT = {
    "trade.booked": "Trade confirmation",
    "trade.corrected": "Trade corrected",
    "trade.cancelled": "Trade cancelled",
    "confirmation.reminded": "Please affirm or dispute your trade",
    "dispute.upheld": "Your dispute was upheld",
    "dispute.rejected": "Your dispute was rejected",
    "deposit.credited": "Deposit credited",
    "withdrawal.requested": "Withdrawal requested",
    "withdrawal.approved": "Withdrawal approved by a second member",
    "withdrawal.rejected": "Withdrawal rejected",
    "withdrawal.cancelled": "Withdrawal cancelled",
    "withdrawal.settled": "Withdrawal paid",
    "net_set.frozen": "Settlement advice",
    "settlement.settled": "Settlement completed",
    "instruction.sent": "Payment sent to you",
    "instruction.settled": "Payment booked",
    "instruction.failed": "Payment failed",
    "instruction.returned": "Payment returned",
    "instruction.payment_sent": "Part of a payment sent to you",
    "instruction.payment_failed": "Part of a payment failed",
    "instruction.payment_returned": "Part of a payment returned",
    "receipt.credited": "Payment received",
    "receipt.reverted": "A payment of yours was reversed",
    "key.issued": "A new API key of yours",
    "key.widened": "An API key of yours may do other things now",
    "key.expiring": "An API key of yours ends soon",
    "key.ended": "An API key of yours was revoked",
    "exposure_call.issued": "Exposure call",
    "exposure_call.met": "Exposure call met",
    "exposure_call.withdrawn": "Exposure call withdrawn",
    "webhook.degraded": "Your webhook endpoint does not answer",
    "webhook.recovered": "Your webhook endpoint answers again",
}
# kind → roles of our own people
TO_STAFF = {
    "credit.breached": ("risk", "sales"),
    "credit.cured": ("risk", "sales"),
    "fair_use.stopped": ("sales", "trader"),
    "halt.thrown": ("sales", "trader", "operations", "risk"),
    "halt.lifted": ("sales", "trader", "operations", "risk"),
    "position.soft_passed": ("trader", "risk"),
    "position.hard_passed": ("trader", "risk"),
    "dispute.opened": ("sales", "trader", "operations"),
    "hedge.broken": ("trader", "operations"),
    "receipt.quarantined": ("compliance", "operations"),
    "release.stopped": ("operations", "risk"),
    "release.resumed": ("operations", "risk"),
    "statement.unexplained": ("operations", "finance"),
    "client_money.short": ("compliance", "finance", "operations"),
    "client_money.covered": ("compliance", "finance", "operations"),
    "instruction.unknown": ("operations",),
    "instruction.stuck": ("operations",),
    "instruction.replacement_refused": ("operations",),
    "instruction.contradicted": ("operations", "finance"),
    "rail.unexplained": ("operations",),
}
APPROVAL_REQUESTED = "approval.requested"  # to whoever may check it, except its maker
KINDS = frozenset({*TO_CLIENT, *TO_STAFF, APPROVAL_REQUESTED})

_WORDS = {
    "client_order_id": "your order id",
    "client_rfq_id": "your request id",
    "client_pays": "you pay",
    "client_receives": "you receive",
    "rfq_id": "request",
    "id": "reference",
    "value_date": "value date",
}


def one_line(text: object) -> str:
    """Without line ends and control characters: what may stand in a header."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())


def subject(*parts: object) -> str:
    return one_line(" · ".join(str(part) for part in parts if part))[:SUBJECT_MAX]


def to_client(kind: str, public: Mapping[str, Any], client: str) -> Mail:
    """A mail to a client out of the event's public payload, figures as decimal strings."""
    head = TO_CLIENT[kind]
    about = trade_sentence(public) if kind == "trade.booked" else ""
    lines = [f"Dear {one_line(client)},", "", head + (f": {about}." if about else "."), "", *table(public), "", "Flowdesk"]
    return Mail(subject(head, public.get("instrument"), public.get("id")), "\n".join(lines) + "\n")


def trade_sentence(public: Mapping[str, Any]) -> str:
    """`you bought 2 BTC-USD at 20001`: the deal in one breath, from the client's side."""
    verb = {"buy": "bought", "sell": "sold"}.get(str(public.get("side")), "dealt")
    return one_line(f"you {verb} {public.get('quantity')} {public.get('instrument')} at {public.get('price')}")


def table(values: Mapping[str, Any], under: str = "") -> list[str]:
    """One `name: value` line for each leaf of a payload, in its order."""
    lines: list[str] = []
    for name, value in values.items():
        label = f"{under}{_WORDS.get(name, name.replace('_', ' '))}"
        if isinstance(value, Mapping) and set(value) == {"asset", "amount"}:
            lines.append(f"{label}: {one_line(value['amount'])} {one_line(value['asset'])}")
        elif isinstance(value, Mapping):
            lines += table(value, f"{label} ")
        elif isinstance(value, Sequence) and not isinstance(value, str):
            lines += table({f"{name} {number}": item for number, item in enumerate(value, 1)}, under)
        elif value is not None and value != "":
            lines.append(f"{label}: {one_line(value)}")
    return lines


_SHOWN = ("title", "of", "measure", "kind", "scope", "pair", "reason", "account", "asset")


def to_staff(kind: str, house: Mapping[str, Any], who: str) -> Mail:
    """A mail to our own people: what happened and by whom, with a few plain facts."""
    head = kind.replace(".", " ").replace("_", " ").capitalize()
    shown = {name: house[name] for name in _SHOWN if house.get(name)}
    lines = [f"{head} by {one_line(who) or 'the system'}.", "", *table(shown), "", "Open the desk to act on it."]
    return Mail(subject(head, shown.get("title") or shown.get("of") or shown.get("pair") or shown.get("scope")), "\n".join(lines) + "\n")


def wait_s(tries: int) -> int:
    """Seconds until the next try after `tries` failed ones."""
    return BACKOFF_S[min(max(tries, 1), len(BACKOFF_S)) - 1]
