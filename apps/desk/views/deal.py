"""The deal page: one timeline from the request to the last payment."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from apps.core import money as amounts
from apps.core.actor import Actor
from apps.desk.access import SEES_COMPLIANCE, page
from apps.desk.reasons import explain
from apps.desk.templatetags.desk import amount
from apps.reports.queries.desk import deal, deal_answers, on_behalf
from apps.reports.queries.desk.deal import Entry, Story, VersionRow
from apps.rfqs.rules import FLAGS
from apps.trades.queries import find_plan
from apps.trades.rules import REASONS
from apps.users.rules import may_make
from apps.workflows import confirm_deal

from . import hedge_acts, params
from .acts import acts_of
from .blockers import read_blockers
from .shell import show

# How an event reads: title, icon. One that is not here is told by its kind.
KINDS = {
    "rfq.received": ("Request received, waits for a person", "inbox"),
    "rfq.quoted": ("Request received and quoted", "sell"),
    "rfq.cancelled": ("Request cancelled by the client", "cancel"),
    "rfq.declined": ("Quote declined", "thumb_down"),
    "rfq.rejected": ("Request rejected", "block"),
    "rfq.expired": ("Request expired", "timer_off"),
    "rfq.picked_up": ("Picked up", "back_hand"),
    "rfq.held": ("Put on hold", "pause_circle"),
    "rfq.resumed": ("Taken off hold", "play_arrow"),
    "rfq.released": ("Given back to the queue", "undo"),
    "rfq.taken_over": ("Taken over", "move_up"),
    "rfq.reopened": ("Back to the desk", "inbox"),
    "quote.replaced": ("New price sent", "sell"),
    "quote.countered": ("The client named its limit", "swap_horiz"),
    "quote.withdrawn": ("Quote withdrawn", "remove_circle"),
    "quote.expired": ("Quote expired", "timer_off"),
    "deal.agreed": ("Agreed by voice or chat", "support_agent"),
    "quote.accepted": ("Quote accepted", "handshake"),
    "trade.booked": ("Deal booked", "receipt_long"),
    "trade.corrected": ("Deal corrected", "edit"),
    "trade.cancelled": ("Deal cancelled", "cancel"),
    "confirmation.sent": ("Confirmation sent", "outgoing_mail"),
    "confirmation.reminded": ("Reminded of the confirmation", "notifications"),
    "confirmation.affirmed": ("Affirmed by the client", "thumb_up"),
    "confirmation.disputed": ("Disputed by the client", "report"),
    "dispute.opened": ("Dispute opened", "report"),
    "dispute.taken": ("Dispute taken", "back_hand"),
    "dispute.upheld": ("Dispute upheld by a new version", "gavel"),
    "dispute.rejected": ("Dispute rejected", "gavel"),
    "dispute.withdrawn": ("Dispute withdrawn", "undo"),
    "allocation.accepted": ("Share taken by an account", "call_split"),
    "allocation.planned": ("Shares planned", "call_split"),
    "allocation.plan_ended": ("Plan of shares ended", "call_split"),
    "allocation.rejected": ("Share refused", "block"),
    "allocation.reversed": ("Share taken back", "undo"),
    "hedge.booked": ("Hedge booked", "shield"),
    "hedge.confirmed": ("Hedge confirmed", "task_alt"),
    "hedge.broken": ("Differs from the LP's record", "link_off"),
    "hedge.corrected": ("Hedge corrected", "edit"),
    "hedge.cancelled": ("Hedge cancelled", "cancel"),
    "internal.booked": ("Dealt between two of our books", "swap_horiz"),
    "ledger.posted": ("Posted to the ledger", "balance"),
    "net_set.frozen": ("Net set frozen at the cut-off", "ac_unit"),
    "net_set.agreed": ("Net set agreed", "thumb_up"),
    "net_set.settled": ("Net set settled", "check_circle"),
    "obligation.settled": ("Obligation settled", "check_circle"),
    "approval.requested": ("Second pair of eyes asked for", "fact_check"),
    "approval.approved": ("Approved", "thumb_up"),
    "approval.rejected": ("Rejected", "thumb_down"),
    "approval.executed": ("Approval carried out", "task_alt"),
    "trade.settled": ("Deal settled", "verified"),
    "net_set.aborted": ("Net set aborted", "cancel"),
    "receipt.final": ("Incoming money final", "flag"),
    "receipt.cleared": ("Incoming money cleared", "verified"),
    "receipt.quarantined": ("Incoming money quarantined", "shield"),
    "instruction.failed": ("Payment failed", "error"),
    "instruction.returned": ("Payment came back", "keyboard_return"),
    "instruction.unknown": ("The rail does not answer", "help"),
    "instruction.reported": ("The rail says where it stands", "sync"),
    "instruction.contradicted": ("The rail contradicts what is booked", "report"),
    "instruction.stuck": ("Its transaction hangs on the chain", "hourglass_empty"),
    "instruction.replacing": ("Another transaction is to replace it", "published_with_changes"),
    "instruction.replaced": ("Replaced by another transaction", "published_with_changes"),
    "instruction.replacement_refused": ("The chain refused the replacement", "block"),
    "instruction.replacement_cancelled": ("No replacement is needed any more", "undo"),
    "instruction.unconfirmed": ("The chain took it back: under way again", "undo"),
    "instruction.made": ("Payment instruction made", "send"),
    "instruction.released": ("Payment released", "lock_open"),
    "instruction.sent": ("Payment sent", "outgoing_mail"),
    "instruction.settled": ("Payment final", "check_circle"),
    "instruction.payment_sent": ("A part of a payment sent", "outgoing_mail"),
    "instruction.payment_settled": ("A part of a payment final", "check_circle"),
    "instruction.payment_failed": ("A part of a payment failed", "error"),
    "instruction.payment_returned": ("A part of a payment came back", "keyboard_return"),
    "instruction.payment_unconfirmed": ("The chain took a part back: under way again", "undo"),
    "instruction.blocked": ("Payment blocked", "lock"),
    "receipt.seen": ("Incoming money seen", "visibility"),
    "receipt.corrected": ("Booked with another amount than seen", "edit"),
    "receipt.matched": ("Incoming money matched", "link"),
}
_MOVES = {"rfq.picked_up", "rfq.held", "rfq.resumed", "rfq.released"}  # say all by their title
_KEPT_BACK = ("screening.", "receipt.quarantined", "receipt.frozen")  # from who must not know why compliance holds something
_HOUSE_KEPT_BACK = {"instruction", "receipt", "approval"}
_ICONS = {"rfq": "request_quote", "quote": "sell", "trade": "receipt_long", "net_set": "merge", "net_leg": "merge",
          "obligation": "assignment",
          "instruction": "send", "receipt": "call_received", "approval": "fact_check"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of the timeline as it reads."""

    entry: Entry
    title: str
    icon: str
    text: str
    client_saw: str
    house: str


@page("blotter")
@require_safe
def deal_page(request: HttpRequest, actor: Actor, trade: str) -> HttpResponse:
    return show_story(request, actor, deal.get_story(trade_id=params.decode("trd", trade, "deal")), screen="blotter")


def show_story(request: HttpRequest, actor: Actor, story: Story, *, screen: str) -> HttpResponse:
    may_know = bool(actor.roles & SEES_COMPLIANCE)
    payments = [(p, read_blockers(p.blockers, may_know=may_know)) for p in story.payments]
    context: dict[str, Any] = {
        "story": story,
        "head": story.head,
        "version": story.current,
        "quotes": story.quotes,
        "payments": payments,
        "agreement": on_behalf.find_agreement(story.head.rfq_id) if story.head.channel in {"VOICE", "CHAT"} else None,
        "acts": acts_of(story.head.status, story.head.owner_id, actor) if story.head.trade_id is None else [],
        "plan": find_plan(story.head.rfq_id) if story.head.rfq_id is not None else None,
        "last_quote": story.quotes[-1].id if story.quotes else None,
        "items": [_item(e) for e in story.entries] if may_know else _for_the_front(story.entries),
    }
    if story.head.trade_id is not None and story.head.kind == "CLIENT":
        context |= _answers(story, actor)
    if story.head.trade_id is not None and story.head.kind == "HEDGE":
        context["hedge"] = hedge_acts.of(story, actor, _changed)
    title = f"{'Deal' if story.head.trade_id else 'Request'} {story.head.client_name} {story.head.pair}"
    return show(request, actor, "desk/deal.html", screen=screen, title=title, **context)


def _answers(story: Story, actor: Actor) -> dict[str, Any]:
    """What is asked of a client's deal and said of its confirmation, with the forms that this person may send."""
    assert story.head.trade_id is not None and story.current is not None
    is_active, now = story.head.status == "ACTIVE", story.current
    return {
        "answers": deal_answers.get_answers(story.head.trade_id, actor=actor),
        "changes": [_changed(old, new) for old, new in zip(story.versions, story.versions[1:], strict=False)],
        "may_change": is_active and may_make(actor.roles, "trade_version"),
        "is_active": is_active,
        "may_answer": may_make(actor.roles, "affirm"),
        "may_reject": may_make(actor.roles, "dispute"),
        "typed": {name: amounts.text(getattr(now, name)) for name in ("price", "quantity", "fee")},
        "reasons": REASONS,
        "dispute_reasons": confirm_deal.REASONS,
    }


def _changed(old: VersionRow, new: VersionRow) -> tuple[VersionRow, list[tuple[str, str, str]]]:
    """A version with what it changed: name, before, after."""
    if new.action == "CANCEL":
        return new, []
    told = [
        ("side", old.side, new.side),
        *((name, amount(getattr(old, name)), amount(getattr(new, name))) for name in ("price", "quantity", "fee")),
        ("value date", old.value_date.isoformat(), new.value_date.isoformat()),
        ("client pays", f"{amount(old.pays)} {old.pays_asset}", f"{amount(new.pays)} {new.pays_asset}"),
        ("client receives", f"{amount(old.receives)} {old.receives_asset}", f"{amount(new.receives)} {new.receives_asset}"),
    ]
    return new, [one for one in told if one[1] != one[2]]


def _for_the_front(entries: Iterable[Entry]) -> list[Item]:
    """The timeline without what compliance keeps to itself; of what the ledger says of money, its lines without words."""
    told = (e for e in entries if not e.kind.startswith(_KEPT_BACK) and all(line.kind != "BLOCKED" for line in e.lines))
    return [_item(_without_house(e) if e.subject_type in _HOUSE_KEPT_BACK else e) for e in told]


def _without_house(entry: Entry) -> Entry:
    return replace(entry, house={"kind": entry.house["kind"]} if entry.lines else {})


def _item(entry: Entry) -> Item:
    known = KINDS.get(entry.kind)
    if entry.kind == "rfq.quoted" and entry.actor_kind == "STAFF":
        known = ("Quote sent", "sell")
    title, icon = known or (entry.kind.replace(".", " ").replace("_", " ").capitalize(), _ICONS.get(entry.subject_type, "circle"))
    return Item(entry, title, icon, _text(entry), _pretty(entry.public), "" if entry.lines else _pretty(entry.house))


def _pretty(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False, default=str) if document else ""


def _text(entry: Entry) -> str:
    """The few words beside the title."""
    told, house = entry.public, entry.house
    if entry.lines:
        return str(house.get("note") or house["kind"])
    if entry.kind in {"rfq.received", "rfq.reopened"}:
        return ", ".join(explain(str(code)).short for code in house.get("reasons", []))
    if entry.kind == "quote.countered":
        limit = house.get("limit", {})
        return f"{limit.get('side')}s at {amount(limit.get('price'))} or better"
    if entry.kind in {"rfq.taken_over", "rfq.rejected"}:
        said = [str(told.get("reason", "")), str(house.get("reason", "")), str(house.get("note", ""))]
        return " · ".join(one.replace("_", " ") for one in said if one)
    if entry.kind == "deal.agreed":
        return ", ".join(FLAGS.get(str(code), str(code)) for code in house.get("flags", []))
    if entry.kind in {"rfq.quoted", "quote.replaced"}:
        quote = told if entry.kind == "quote.replaced" else told.get("quote") or {}
        prices = [f"{side} at {amount(quote[side]['price'])}" for side in ("sell", "buy") if side in quote]
        return f"client may {' or '.join(prices)}" if prices else ""
    if entry.kind == "trade.booked":
        return f"client {told.get('side')}s {amount(told.get('quantity'))} at {amount(told.get('price'))}, value {told.get('value_date')}"
    if entry.kind in {"allocation.planned", "allocation.plan_ended"}:
        count = len(told.get("allocations", []))
        said = [f"{count} accounts", str(told.get("status", "")).lower(), str(told.get("detail", ""))]
        return " · ".join(one for one in said if one)
    if entry.kind == "quote.accepted":
        return f"client {told.get('side')}s"
    if entry.kind in {"trade.corrected", "trade.cancelled"}:
        return str(told.get("note") or house.get("note") or "")
    if entry.kind.startswith(("confirmation.", "dispute.")):
        said = [str(told.get("reason") or "").replace("_", " ").lower(), str(told.get("outcome") or ""), str(house.get("evidence") or "")]
        return " · ".join(one for one in said if one)
    money = told if "amount" in told else house
    if "amount" in money:
        return f"{amount(money['amount'])} {money.get('asset', '')}"
    if "blockers" in house:
        return ", ".join(str(code).replace("_", " ").lower() for code in house["blockers"])
    return "" if entry.kind in _MOVES else str(house.get("title") or told.get("reason") or "")
