"""Every type of event that a client can get, with the shape of its `data`: on REST, over the socket and by webhook it is the same."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from apps.api.docs import documented
from apps.api.door import Door, show
from apps.api.shapes import array, decimal, moment, obj, read_query, text
from apps.rfqs.states import QuoteStatus, RfqStatus
from apps.settlement.rules.closing_out import EVENTS
from apps.trades.rules import REASONS

from .accounts import ACCOUNT
from .adjustments import ADJUSTMENT
from .allocations import ALLOCATION
from .confirming import CONFIRMATION, DISPUTED
from .plans import PLAN
from .receipts import RECEIPT
from .rfqs import QUOTE, RFQ
from .settlement import DEPOSIT, DIRECTION, EXCLUDED, INSTRUCTION, NET_SET, OBLIGATION, WITHDRAWAL
from .ssis import SSI
from .trades import TRADE, VERSION

_RFQ_STATE = obj(
    {
        "id": text("rfq_…"),
        "client_rfq_id": {"type": ["string", "null"], "description": "yours; an order has none"},
        "status": text("what it is now", enum=[str(one) for one in RfqStatus]),
        "reason": text("why it ended, or why it waits"),
        "fix": {"type": "object", "description": "the same reason in FIX's codes, where FIX has one"},
    },
    "reason",
    "fix",
)
_QUOTE_STATE = obj(
    {
        "id": text("quo_…"),
        "rfq_id": text("rfq_…"),
        "status": text("what it is now", enum=[str(one) for one in QuoteStatus]),
        "reason": text("why"),
    },
    "reason",
)
_ACCEPTED = obj(
    {"id": text("quo_…"), "rfq_id": text("rfq_…"), "status": text("", enum=["ACCEPTED"]), "side": text("yours", enum=["buy", "sell"])}
)
_SETTLED = obj({"id": text("trd_…"), "settlement_status": text("", enum=["SETTLED", "CLOSED_OUT"])})
_CLOSE_OUT = obj(
    {
        "id": text("clo_…"),
        "agreement": text("the netting agreement"),
        "event": text("the event of default", enum=list(EVENTS)),
        "currency": text("code"),
        "direction": DIRECTION,
        "amount": decimal("in the currency"),
        "marks_date": text("business date of the approved marks", format="date"),
        "lines": array(
            obj(
                {
                    "asset": text("code"),
                    "amount": decimal("what was open of it, positive in your favour"),
                    "price": decimal("of one unit, in the currency"),
                    "worth": decimal("amount × price"),
                }
            )
        ),
        "adjustment_id": {"type": ["string", "null"], "description": "adj_… by which it is owed"},
        "obligation_ids": array(text("obl_…")),
    }
)
_CHANGED = obj(
    {
        "trade": TRADE,
        "before": VERSION,
        "changed": array(text("what is different", enum=["status", "side", "quantity", "price", "fee", "value_date"])),
        "reason": text("why", enum=list(REASONS)),
        "note": text("why, in words"),
        "consent": text("where your agreement to it lies"),
        "effective_at": moment("from when it is true"),
        "obligations": array(OBLIGATION),
    }
)
_REFUSED = obj(
    {
        "operation": text("what was asked"),
        "reference": text("your id of it, empty where it has none"),
        "code": text("listed in docs/errors.md"),
        "detail": text("what was wrong"),
    }
)
_FAIR_USE = obj(
    {
        "requests": {"type": "integer", "description": "of the last day"},
        "deals": {"type": "integer", "description": "of the last day"},
        "until": moment("of fair_use.stopped: you may ask again then"),
    },
    "until",
)
CALL = obj(
    {
        "id": text("call_…"),
        "status": text("OVERDUE is ISSUED and past due_at", enum=["ISSUED", "OVERDUE", "MET", "WITHDRAWN"]),
        "amount": decimal("what your exposure is to come down by, or what you pay"),
        "currency": text("USD"),
        "reason": text("why we call"),
        "issued_at": moment(""),
        "due_at": moment("met by then"),
        "ended_at": moment("when it was met or withdrawn"),
    },
    "ended_at",
)
WEBHOOK_STATE = obj(
    {
        "id": text("whe_…"),
        "host": text("of its address"),
        "status": text("", enum=["ACTIVE", "DEGRADED", "DISABLED"]),
        "types": array(text("none: all")),
        "order": text("", enum=["object", "parallel"]),
        "failing_since": moment("of webhook.degraded: the first of the failures in a row"),
        "waiting": {"type": "integer", "description": "of webhook.degraded: deliveries that wait"},
    },
    "failing_since",
    "waiting",
)

_KEY_STATE = obj(
    {"key_id": text("ak_…"), "scopes": array(text("")), "expires_at": moment(""), "revoked": {"type": "boolean"}},
)
_MEMBER_STATE = obj({"id": text("mem_…"), "name": text(""), "closed_at": moment("")})
TERMS = obj(
    {
        "account": text("its code"),
        "version": {"type": "integer", "description": "a deal keeps the version it was dealt under"},
        "effective_from": moment("the moment of the event, or a later one that was agreed"),
        "mode": text("how deals settle", enum=["PREFUNDED", "CLIENT_FIRST", "CREDIT"]),
        "instruments": array(text("code")),
        "fee_bps": decimal("of the quote amount"),
        "fee_mode": text("", enum=["ADDED", "INCLUDED", "INVOICED"]),
        "min_life_ms": {"type": "integer", "description": "a streamed quote stays executable so long after a newer one"},
        "netting_agreement": text("under which payments are netted; empty: gross"),
        "netting_cutoff": text("wall time and zone"),
        "silence_agrees": {"type": "boolean", "description": "a net set is agreed when nobody has disputed it in time"},
        "close_out_agreement": text("empty: none"),
        "close_out_date": {"type": ["string", "null"], "format": "date", "description": "from which it holds"},
        "safeguarded": {"type": "boolean", "description": "your balances are kept apart from our own money"},
        "prehedge_consent": text("where it is written that we may deal ahead of you; empty: we may not"),
    }
)

MOVED = obj(
    {
        "trade_id": {"type": ["string", "null"], "description": "trd_…"},
        "adjustment_id": {"type": ["string", "null"], "description": "adj_…"},
        "from": text("the value date until now", format="date"),
        "to": text("the next good day", format="date"),
        "closed": text("the currency whose banks are closed on the first"),
        "reason": text("why they are, in words"),
        "calendar_version": text("of the calendars by which it is the next good day"),
        "version": {"type": ["integer", "null"], "description": "of the deal, which has the new date; null where only a difference moved"},
        "obligations": array(OBLIGATION),
    }
)

TYPES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "rfq.received": ("a person prices your request", RFQ),
    "rfq.quoted": ("your request has a firm quote", RFQ),
    "rfq.picked_up": ("a person has taken your request", _RFQ_STATE),
    "rfq.held": ("it is on hold", _RFQ_STATE),
    "rfq.resumed": ("it is being priced again", _RFQ_STATE),
    "rfq.released": ("it waits for another person", _RFQ_STATE),
    "rfq.taken_over": ("another person prices it", _RFQ_STATE),
    "rfq.reopened": ("its quote is gone and a person prices it anew", _RFQ_STATE),
    "rfq.cancelled": ("you took it back", _RFQ_STATE),
    "rfq.declined": ("you declined its quote", _RFQ_STATE),
    "rfq.rejected": ("we do not quote it; `reason` says why", _RFQ_STATE),
    "rfq.expired": ("its time or its quote's was over", _RFQ_STATE),
    "quote.accepted": ("you dealt on it", _ACCEPTED),
    "quote.declined": ("you said no", _QUOTE_STATE),
    "quote.countered": ("you asked for another price", _QUOTE_STATE),
    "quote.replaced": ("a newer quote of the same request", QUOTE),
    "quote.withdrawn": ("we took it back; `reason` says why", _QUOTE_STATE),
    "quote.expired": ("its time was over", _QUOTE_STATE),
    "trade.booked": ("a deal is done: its confirmation", TRADE),
    "trade.corrected": ("a deal has a new version; `obligations` is what it owes beyond what stays", _CHANGED),
    "trade.cancelled": ("a deal is cancelled; `obligations` gives back what had been netted or paid", _CHANGED),
    "confirmation.sent": ("the confirmation of a version: affirm or dispute it", CONFIRMATION),
    "confirmation.reminded": ("we wait for your answer", CONFIRMATION),
    "confirmation.affirmed": ("by you, or by us on your word", CONFIRMATION),
    "confirmation.disputed": ("by you, or by us on your word", CONFIRMATION),
    "dispute.opened": ("what is open of the deal stays out of net sets", DISPUTED),
    "dispute.upheld": ("the deal has a new version", DISPUTED),
    "dispute.rejected": ("the deal stands; `outcome` says why", DISPUTED),
    "dispute.withdrawn": ("by you, or by us on your word", DISPUTED),
    "allocation.planned": ("you said how a request's deal shall be shared out", PLAN),
    "allocation.plan_ended": ("it was withdrawn or has lapsed with its request, or the deal was shared out so, or could not be", PLAN),
    "allocation.accepted": ("an account settles its share of a deal", ALLOCATION),
    "allocation.rejected": ("a share that its account cannot take; the deal's own account keeps it", ALLOCATION),
    "allocation.reversed": ("the deal's own account settles it again", ALLOCATION),
    "value_date.moved": ("banks are closed on a value date: what was open of a deal or adjustment settles on the next good day", MOVED),
    "trade.settled": ("both sides of a deal are settled", _SETTLED),
    "net_set.frozen": ("what is paid for a value date: settlement advice", NET_SET),
    "net_set.agreed": ("by you, or by silence where your terms say so", NET_SET),
    "net_set.disputed": ("lines of it are disputed: nothing of it is paid", NET_SET),
    "obligation.excluded": ("it goes into a later set; `reason` says why", EXCLUDED),
    "net_set.aborted": ("it is made anew", NET_SET),
    "settlement.settled": ("every leg of it is settled", NET_SET),
    "instruction.sent": ("we have paid; it is under way", INSTRUCTION),
    "instruction.settled": ("a payment is booked", INSTRUCTION),
    "instruction.unconfirmed": ("the chain took a payment back; it is under way again", INSTRUCTION),
    "instruction.failed": ("a payment did not leave", INSTRUCTION),
    "instruction.returned": ("a payment came back", INSTRUCTION),
    "instruction.payment_sent": ("a part of a payment is under way", INSTRUCTION),
    "instruction.payment_settled": ("a part of a payment is booked; `instruction.settled` follows the last one", INSTRUCTION),
    "instruction.payment_unconfirmed": ("the chain took a part of a payment back; it is under way again", INSTRUCTION),
    "instruction.payment_failed": ("a part of a payment did not leave, and is paid again by itself", INSTRUCTION),
    "instruction.payment_returned": ("a part of a payment came back, and is paid again by itself", INSTRUCTION),
    "receipt.credited": ("your money has come", RECEIPT),
    "receipt.quarantined": ("your money has come and is looked at; we tell you when it is credited or goes back", RECEIPT),
    "receipt.returned": ("it went back", RECEIPT),
    "receipt.unmatched": ("it had been applied to what it was not for, and is applied anew", RECEIPT),
    "receipt.reverted": ("it is gone again: a reorganisation of the chain, a recall by the bank", RECEIPT),
    "deposit.announced": ("you told us of it", DEPOSIT),
    "deposit.credited": ("it is on your balance", DEPOSIT),
    "deposit.cancelled": ("you took it back before it came", DEPOSIT),
    "deposit.reversed": ("the money it came from is gone again", DEPOSIT),
    "withdrawal.requested": ("by one member", WITHDRAWAL),
    "withdrawal.approved": ("by a second member", WITHDRAWAL),
    "withdrawal.held": ("its amount is set aside", WITHDRAWAL),
    "withdrawal.settled": ("it is paid", WITHDRAWAL),
    "withdrawal.cancelled": ("by you", WITHDRAWAL),
    "withdrawal.rejected": ("by us", WITHDRAWAL),
    "ssi.proposed": ("by one member: another one approves it", SSI),
    "ssi.entered": ("by us, on your word: revoke it where nobody of yours gave it; we verify it", SSI),
    "ssi.verifying": ("a second member has approved it: we verify it", SSI),
    "ssi.approved": ("it is verified and cools off until `active_from`", SSI),
    "ssi.active": ("you are paid there from now on", SSI),
    "ssi.suspended": ("nothing is paid there for now", SSI),
    "ssi.rejected": ("by you or by us, before it was verified", SSI),
    "ssi.revoked": ("by you or by us, or another one has taken its place: nothing is paid there any more", SSI),
    "ssi.expired": ("its time is over", SSI),
    "exposure_call.issued": ("your exposure is past what we carry: bring it down", CALL),
    "exposure_call.met": ("it is within the limit again", CALL),
    "exposure_call.withdrawn": ("we take the call back", CALL),
    "trade.closed_out": ("what was open of a deal is part of a close-out", _SETTLED),
    "net_set.closed_out": ("what was open of it is part of a close-out", NET_SET),
    "close_out.determined": ("a default: what all that was unsettled under an agreement is worth, at approved marks", _CLOSE_OUT),
    "adjustment.booked": ("it is owed from now on: a rebate, a charge, interest, …", ADJUSTMENT),
    "adjustment.settled": ("it is netted or paid", ADJUSTMENT),
    "adjustment.reversed": ("it is taken back: nothing is owed from it", ADJUSTMENT),
    "fair_use.warned": ("you ask for much more prices than you deal", _FAIR_USE),
    "fair_use.stopped": ("new requests are refused until the time named; live quotes stay", _FAIR_USE),
    "fair_use.cleared": ("you may ask as before", _FAIR_USE),
    "rfq.refused": ("a request was refused by a rule of the desk", _REFUSED),
    "rfq.cancel.refused": ("", _REFUSED),
    "accept.refused": ("an accept was refused", _REFUSED),
    "decline.refused": ("", _REFUSED),
    "counter.refused": ("", _REFUSED),
    "order.refused": ("an order was refused: its limit was not met, or by a rule of the desk", _REFUSED),
    "allocate.refused": ("", _REFUSED),
    "allocation.reverse.refused": ("", _REFUSED),
    "allocation.plan.refused": ("", _REFUSED),
    "allocation.unplan.refused": ("", _REFUSED),
    "affirm.refused": ("", _REFUSED),
    "dispute.refused": ("", _REFUSED),
    "dispute.withdraw.refused": ("", _REFUSED),
    "settlement.dispute.refused": ("", _REFUSED),
    "settlement.agree.refused": ("", _REFUSED),
    "deposit.announce.refused": ("", _REFUSED),
    "deposit.cancel.refused": ("", _REFUSED),
    "withdrawal.refused": ("", _REFUSED),
    "withdrawal.approve.refused": ("", _REFUSED),
    "withdrawal.cancel.refused": ("", _REFUSED),
    "ssi.propose.refused": ("", _REFUSED),
    "ssi.approve.refused": ("", _REFUSED),
    "ssi.revoke.refused": ("", _REFUSED),
    "key.issued": ("a key that was asked for is one, from now on", _KEY_STATE),
    "key.widened": ("its scopes, networks or caps are others", _KEY_STATE),
    "key.expiring": ("a key ends within 30, 7 or 1 days", _KEY_STATE),
    "key.ended": ("it was revoked: by a member of yours, or by us", _KEY_STATE),
    "account.opened": ("you may deal on another account", ACCOUNT),
    "terms.changed": (
        "on what you deal on an account from then on; older quotes stand, unless the way to settle or the pair is gone",
        TERMS,
    ),
    "member.closed": ("a member of yours left: their keys ended with it", _MEMBER_STATE),
    "member.close.refused": ("", _REFUSED),
    "sandbox.clock.refused": ("of a sandbox alone", _REFUSED),
    "sandbox.client.refused": ("of a sandbox alone", _REFUSED),
    "sandbox.act.refused": ("of a sandbox alone", _REFUSED),
    "key.ask.refused": ("", _REFUSED),
    "key.revoke.refused": ("", _REFUSED),
    "token.refused": ("a bearer token was refused", _REFUSED),
    "hedge.refused": ("a hedge that one of the house's own systems reported", _REFUSED),
    "webhook.refused": ("a change of a webhook was refused", _REFUSED),
    "webhook.created": ("the first that a new endpoint gets", WEBHOOK_STATE),
    "webhook.changed": ("", WEBHOOK_STATE),
    "webhook.rotated": ("it has a new key", WEBHOOK_STATE),
    "webhook.disabled": ("", WEBHOOK_STATE),
    "webhook.degraded": ("it has not answered for 75 hours", WEBHOOK_STATE),
    "webhook.recovered": ("it answers again", WEBHOOK_STATE),
    "webhook.pinged": ("you asked for a message to try it with; it goes to that endpoint alone", WEBHOOK_STATE),
}


class EventTypes(Door):
    @documented(
        "Every type of event, with the JSON schema of its data",
        name="list_event_types",
        answer=obj(
            {"data": array(obj({"type": text("noun.past"), "about": text("when it comes"), "schema": {"type": "object"}}))},
        ),
        answer_example={"data": [{"type": "trade.settled", "about": "both sides of a deal are settled", "schema": dict(_SETTLED)}]},
    )
    def get(self, request: Request) -> HttpResponse:
        read_query(request.query_params, {})
        return show({"data": [{"type": name, "about": about, "schema": schema} for name, (about, schema) in TYPES.items()]})
