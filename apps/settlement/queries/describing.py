"""What REST and events tell of settlement: decimal strings and wire ids; `direction` is the client's."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.core import ids, money
from apps.rfqs.queries import stamp
from apps.settlement.models import Deposit, Instruction, NetLeg, NetSet, Obligation, Receipt, Withdrawal
from apps.settlement.queries.views import LOOKED_AT, Preview, net_set_lines
from apps.settlement.states import ENDED_PART, InstructionStatus, ReceiptStatus

_CLIENT_SIDE = {"PAY": "receive", "RECEIVE": "pay"}


def _at(moment: datetime | None) -> str | None:
    return None if moment is None else stamp(moment)


def _id(prefix: str, value: UUID | None) -> str | None:
    return None if value is None else ids.encode(prefix, value)


def describe_obligation(o: Obligation) -> dict[str, Any]:
    return {
        "id": ids.encode("obl", o.id),
        "account_id": ids.encode("acc", o.account_id),
        "trade_id": _id("trd", o.trade_id),
        "adjustment_id": _id("adj", o.adjustment_id),
        "direction": _CLIENT_SIDE[o.direction],
        "asset": o.asset_id,
        "amount": money.text(o.amount),
        "settled_amount": money.text(o.settled_amount),
        "value_date": o.value_date.isoformat(),
        "status": str(o.status),
        "net_leg_id": _id("leg", o.net_leg_id),
        "settled_at": _at(o.settled_at),
    }


def describe_leg(leg: NetLeg) -> dict[str, Any]:
    return {
        "id": ids.encode("leg", leg.id),
        "asset": leg.asset_id,
        "direction": _CLIENT_SIDE[leg.direction],
        "amount": money.text(leg.amount),
        "settled_amount": money.text(leg.settled_amount),
        "status": str(leg.status),
    }


def describe_net_set(s: NetSet, legs: Sequence[NetLeg]) -> dict[str, Any]:
    return {
        "id": ids.encode("set", s.id),
        "account_id": ids.encode("acc", s.account_id),
        "value_date": s.value_date.isoformat(),
        "cutoff_at": stamp(s.cutoff_at),
        "status": str(s.status),
        "agree_by": _at(s.agree_by),
        "legs": [describe_leg(leg) for leg in legs],
    }


def describe_lines(net_set_id: UUID) -> list[dict[str, Any]]:
    """Every obligation of a set; `disputed` says why the client does not agree it."""
    return [{**describe_obligation(one), "disputed": why} for one, why in net_set_lines(net_set_id)]


def describe_preview(p: Preview) -> dict[str, Any]:
    return {
        "account_id": ids.encode("acc", p.account_id),
        "value_date": p.value_date.isoformat(),
        "cutoff_at": stamp(p.cutoff_at),
        "netted": p.netted,
        "legs": [
            {
                "asset": leg.asset,
                "direction": _CLIENT_SIDE[leg.direction],
                "amount": money.text(leg.amount),
                "set_off": money.text(leg.set_off),
            }
            for leg in p.legs
        ],
        "obligation_ids": [ids.encode("obl", one.id) for one in p.members],
    }


def describe_instruction(i: Instruction) -> dict[str, Any]:
    """What a client sees of a payment: never who released it, nor what holds it up.

    `payments`: what it leaves in, where it is over what its rail takes at once; those that failed or came back stay in the list.
    """
    parts = sorted(i.parts.all(), key=lambda part: (part.part, part.attempt)) if i.status == InstructionStatus.SPLIT else []
    return {
        "id": ids.encode("ins", i.id),
        "account_id": _id("acc", i.account_id),
        "direction": _CLIENT_SIDE[i.direction],
        "asset": i.asset_id,
        "amount": money.text(i.amount),
        "settled_amount": money.text(i.settled_amount),
        "status": _told_status(i, parts),
        "reference": i.end_to_end_id,
        "attempt": i.attempt,
        "payments": [_describe_part(part) for part in parts],
        "net_leg_id": _id("leg", i.net_leg_id),
        "obligation_id": _id("obl", i.obligation_id),
        "withdrawal_id": _id("wdr", i.withdrawal_id),
        "due_date": i.due_date.isoformat(),
        "sent_at": _at(i.sent_at),
        "settled_at": _at(i.settled_at),
    }


_TOLD = {"DRAFT": "PENDING", "READY": "PENDING", "BLOCKED": "PENDING", "RELEASED": "PENDING", "UNKNOWN": "SENDING"}


def _told_status(i: Instruction, parts: Sequence[Instruction]) -> str:
    if i.status != InstructionStatus.SPLIT:
        return _TOLD.get(i.status, str(i.status))
    if i.settled_amount:
        return "SETTLED" if i.settled_amount == i.amount else "PART_SETTLED"
    live = {_TOLD.get(part.status, str(part.status)) for part in parts if part.status not in ENDED_PART}
    return "PENDING" if live == {"PENDING"} else "SENT" if live == {"SENT"} else "SENDING"


def _describe_part(part: Instruction) -> dict[str, Any]:
    return {
        "part": part.part,
        "attempt": part.attempt,
        "amount": money.text(part.amount),
        "status": _TOLD.get(part.status, str(part.status)),
        "reference": part.end_to_end_id,
        "sent_at": _at(part.sent_at),
        "settled_at": _at(part.settled_at),
    }


def describe_receipt(r: Receipt) -> dict[str, Any]:
    return {
        "id": ids.encode("rcp", r.id),
        "account_id": _id("acc", r.account_id),
        "asset": r.asset_id,
        "amount": money.text(r.amount),
        "reference": r.rail_reference,
        "remittance": r.remittance,
        "value_date": r.value_date.isoformat(),
        "status": str(ReceiptStatus.QUARANTINED if r.status in LOOKED_AT else r.status),
        "reason": "under_review" if r.status in LOOKED_AT else None,
        "final_at": _at(r.final_at),
    }


def describe_deposit(d: Deposit) -> dict[str, Any]:
    return {
        "id": ids.encode("dep", d.id),
        "account_id": ids.encode("acc", d.account_id),
        "asset": d.asset_id,
        "amount": money.text(d.amount),
        "status": str(d.status),
        "receipt_id": _id("rcp", d.receipt_id),
        "created_at": stamp(d.created_at),
        "credited_at": _at(d.credited_at),
    }


def describe_withdrawal(w: Withdrawal) -> dict[str, Any]:
    return {
        "id": ids.encode("wdr", w.id),
        "account_id": ids.encode("acc", w.account_id),
        "client_reference": w.client_reference,
        "asset": w.asset_id,
        "amount": money.text(w.amount),
        "ssi_id": ids.encode("ssi", w.ssi_id),
        "status": str(w.status),
        "requested_by": ids.encode("mem", w.requested_by),
        "approved_by": _id("mem", w.approved_by),
        "requested_at": stamp(w.requested_at),
        "settled_at": _at(w.settled_at),
    }
