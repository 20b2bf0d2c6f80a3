"""What a sandbox's people do to one thing of a tester's own: as they do it in life, with their four eyes, in one transaction.

Each act runs what the desk's pages run, by people of the roles that those ask for; a checker who would be refused there is refused here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.approvals import queries as approvals
from apps.approvals import rules as approval_rules
from apps.approvals.models import Approval
from apps.approvals.states import ApprovalStatus
from apps.clients import operations as client_operations
from apps.clients import queries as clients
from apps.clients.errors import KeyEnded
from apps.clients.models import Counterparty
from apps.compliance.rules import matches
from apps.core import clock
from apps.core.actor import SYSTEM, Actor
from apps.core.errors import IllegalMove, NotFound
from apps.credit import queries as credit
from apps.credit.operations.lines import Limits
from apps.credit.states import Level, Measure
from apps.instruments import queries as instruments
from apps.instruments.rules import next_good_day
from apps.notify.operations import endpoints
from apps.notify.queries import webhooks
from apps.notify.rules import schedule
from apps.pricing import queries as prices
from apps.settlement import queries as settlement
from apps.settlement.queries import adjustments
from apps.settlement.states import AdjustmentKind
from apps.trades import queries as trades
from apps.users import queries as users

from .adjust import Wanted, ask_adjustment, ask_reversal
from .ask_for_keys import NEW
from .change_deal import ask_version
from .change_ssi import revoke_ssi, suspend_ssi
from .close_out import ask_close_out
from .confirm_deal import ask_rejection
from .decide_approval import decide_approval
from .load_list import load_list
from .manage_credit import propose_line, propose_withdrawal
from .manage_keys import KIND
from .propose_marks import propose_marks
from .read_statement import request_receipt_decision
from .screen_names import ask_member_clearance, screen_once_more
from .settle_net_set import request_abort
from .transfer_balance import cancel_withdrawal
from .verify_ssi import Evidence, request_resumption, request_verification

WHY = "a tester asked for it"
LIST = "sandbox"  # of names that testers asked for
REBATE, _IN_DAYS = Decimal(100), timedelta(days=7)
CAP, _FOR = Decimal(1000), timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Act:
    """`prefix`: of the id of what it is done to, which `do` gets as a UUID; a key is told by its name."""

    prefix: str
    about: str
    do: Callable[[Actor, Any, datetime], None]


def by_one(call: Callable[..., Any], role: str, now: datetime, **kw: Any) -> Any:
    """A use case of the desk, within this one, by the first of ours with this role."""
    return call.__wrapped__(actor=_one(role), now=now, **kw)  # type: ignore[attr-defined]


def _one(role: str, besides: frozenset[UUID] = frozenset()) -> Actor:
    for person in users.list_with(role):
        if person.pk not in besides:
            return person.as_actor()
    raise NotFound(f"nobody of {role} is left: run seed_demo")


def agreed(approval: Approval, now: datetime) -> None:
    """Everybody says yes whose yes it needs.

    :raises IllegalMove: what it was asked for was refused when it was to be done
    """
    signed = {approval.maker_id}
    while approval.status == ApprovalStatus.REQUESTED:
        slots, taken = approvals.read_slots(approval)
        signed |= set(taken.values())
        role = slots[approval_rules.missing(slots, taken)[0]][0]
        checker = _one(role, frozenset(signed))
        approval = decide_approval.__wrapped__(actor=checker, approval_id=approval.id, approve=True, comment=WHY, now=now)  # type: ignore[attr-defined]
    if approval.status != ApprovalStatus.EXECUTED:
        raise IllegalMove(approval.comment or f"it ended {approval.status}", state=str(approval.status))


# --- each act: own first, then done ---------------------------------------------------------------------------------------
def _withdraw_call(actor: Actor, call_id: UUID, now: datetime) -> None:
    if not credit.calls_visible_to(actor).filter(id=call_id).exists():
        raise NotFound("no such call")
    agreed(by_one(propose_withdrawal, "risk", now, call_id=call_id, reason=WHY), now)


def _cancel_trade(actor: Actor, trade_id: UUID, now: datetime) -> None:
    trades.get_trade(trade_id, actor=actor)
    asked = by_one(ask_version, "operations", now, trade_id=trade_id, changes=None, reason="CLIENT_ERROR", note=WHY, consent=WHY)
    agreed(asked, now)


def _reject_dispute(actor: Actor, trade_id: UUID, now: datetime) -> None:
    trades.get_trade(trade_id, actor=actor)
    agreed(by_one(ask_rejection, "operations", now, trade_id=trade_id, reason=WHY), now)


def _verify_ssi(actor: Actor, ssi_id: UUID, now: datetime) -> None:
    """By a call back to the number that was put on file when the client was taken on."""
    ssi = clients.get_ssi(ssi_id, actor=actor)
    number = next(iter(clients.list_numbers(ssi.account.owner_id)), None)
    if number is None:
        raise NotFound("no number of this client is on file")
    evidence = Evidence("CALL_BACK", person=number.person, number_id=number.id)
    agreed(by_one(request_verification, "operations", now, ssi_id=ssi_id, evidence=evidence), now)


def _stop_ssi(actor: Actor, ssi_id: UUID, now: datetime) -> None:
    clients.get_ssi(ssi_id, actor=actor)
    by_one(revoke_ssi, "operations", now, ssi_id=ssi_id, reason=WHY)


def _suspend_ssi(actor: Actor, ssi_id: UUID, now: datetime) -> None:
    clients.get_ssi(ssi_id, actor=actor)
    by_one(suspend_ssi, "operations", now, ssi_id=ssi_id, reason=WHY)


def _resume_ssi(actor: Actor, ssi_id: UUID, now: datetime) -> None:
    clients.get_ssi(ssi_id, actor=actor)
    agreed(by_one(request_resumption, "operations", now, ssi_id=ssi_id, reason=WHY), now)


def _abort_settlement(actor: Actor, set_id: UUID, now: datetime) -> None:
    settlement.get_net_set(set_id, actor=actor)
    agreed(by_one(request_abort, "operations", now, net_set_id=set_id, reason=WHY), now)


def _apply_receipt(actor: Actor, receipt_id: UUID, now: datetime) -> None:
    _decide(actor, receipt_id, now, decision="apply", account_code=_account_of(actor, receipt_id))


def _return_receipt(actor: Actor, receipt_id: UUID, now: datetime) -> None:
    """A chain transfer to the account's own wallet."""
    found = settlement.get_receipt(receipt_id, actor=actor)
    ssi = clients.find_active_ssi(found.account_id, found.asset_id) if found.account_id is not None else None
    wallet = (ssi.holder, ssi.address) if found.nostro.rail.kind == "CHAIN" and ssi is not None else None
    _decide(actor, receipt_id, now, decision="return", return_to=wallet)


def _account_of(actor: Actor, receipt_id: UUID) -> str:
    account = settlement.get_receipt(receipt_id, actor=actor).account
    assert account is not None, "a client sees those of its accounts"
    return account.code


def _decide(actor: Actor, receipt_id: UUID, now: datetime, **decision: Any) -> None:
    settlement.get_receipt(receipt_id, actor=actor)
    agreed(by_one(request_receipt_decision, "operations", now, receipt_id=receipt_id, reason=WHY, **decision), now)


def _reject_withdrawal(actor: Actor, withdrawal_id: UUID, now: datetime) -> None:
    settlement.get_withdrawal(withdrawal_id, actor=actor)
    by_one(cancel_withdrawal, "operations", now, withdrawal_id=withdrawal_id)


def _rebate(actor: Actor, account_id: UUID, now: datetime) -> None:
    account = clients.get_account(account_id, actor=actor)
    day = next_good_day((now + _IN_DAYS).date(), ["USD"])
    adjusted(account.code, Wanted(AdjustmentKind.REBATE, "PAY", "USD", REBATE, day, WHY, evidence=WHY), now)


def adjusted(account_code: str, wanted: Wanted, now: datetime) -> None:
    """Operations ask, finance agrees: BOOKED."""
    agreed(by_one(ask_adjustment, "operations", now, account_code=account_code, wanted=wanted)[1], now)


def _reverse_adjustment(actor: Actor, adjustment_id: UUID, now: datetime) -> None:
    adjustments.get(adjustment_id, actor=actor)
    agreed(by_one(ask_reversal, "operations", now, adjustment_id=adjustment_id, reason=WHY), now)


def _cap_account(actor: Actor, account_id: UUID, now: datetime) -> None:
    account = clients.get_account(account_id, actor=actor)
    cap_deals(account.id, Limits(amount=CAP, valid_from=now, valid_until=now + _FOR), now)


def cap_deals(account_id: UUID, limits: Limits, now: datetime) -> None:
    """One of risk asks that this account's deals are capped, another one agrees."""
    whose: dict[str, Any] = {"level": Level.ACCOUNT, "subject_id": account_id, "measure": Measure.DEAL}
    agreed(by_one(propose_line, "risk", now, limits=limits, reason=WHY, **whose), now)


def close_out(client: Counterparty, now: datetime) -> None:
    """The client has defaulted: one of risk records it, another one agrees, at marks of today that finance has proposed and risk approved.

    :raises AppError: whatever our people would be refused with: NothingToCloseOut, PaymentInFlight, BadCloseOut (it is frozen)
    """
    terms = [clients.get_terms(account.id, now) for account in clients.list_accounts(client.id)]
    today = {one.entity_id: instruments.get_entity_by_id(one.entity_id).business_date(now) for one in terms if one.close_out_netting}
    known = {asset: mark.usd for asset, mark in credit.read_marks().items()}
    for entity_id, day in today.items():
        if known.keys() - (prices.find_approved_marks(entity_id, day) or {}).keys():
            given: dict[str, Any] = {"entity_id": entity_id, "business_date": day, "mids": known, "source": WHY}
            agreed(by_one(propose_marks, "finance", now, **given)[1], now)
    day = max(today.values(), default=now.date())
    given = {"client_code": client.code, "event": "FAILURE_TO_PAY", "evidence": WHY, "marks_date": day}
    agreed(by_one(ask_close_out, "risk", now, **given), now)


def _degrade_webhook(actor: Actor, endpoint_id: UUID, now: datetime) -> None:
    """As a worker leaves it when the last try of its schedule has failed; no try is made. Webhooks live by the wall clock."""
    endpoint, at = webhooks.lock_endpoint(endpoint_id, actor=actor), clock.wall_now()
    endpoints.require_enabled(endpoint)
    endpoint.failing_since = schedule.after(at, -sum(schedule.STEPS_S))
    endpoints.note_failure(endpoint=endpoint, tries=schedule.TRIES, at=at)


def _approve_key(actor: Actor, approval_id: UUID, now: datetime) -> None:
    _answer(actor, approval_id, now, yes=True)


def _reject_key(actor: Actor, approval_id: UUID, now: datetime) -> None:
    _answer(actor, approval_id, now, yes=False)


def _expire_key(actor: Actor, key_id: str, now: datetime) -> None:
    """Its end is this moment, as if its lifetime were over. Keys live by the wall clock, which nobody moves."""
    key, wall = clients.get_own_key(key_id, actor=actor), clock.wall_now()
    if key.revoked_at is not None or key.expires_at <= wall:
        raise KeyEnded(key_id)
    client_operations.end_key_by(key_pk=key.id, by=wall)


def _list_member(actor: Actor, member_id: UUID, now: datetime) -> None:
    """A list of the sandbox's own names this member, who is looked up as everybody is when a list has grown."""
    member = clients.members_visible_to(actor).filter(id=member_id).first()
    if member is None:
        raise NotFound("no such member")
    others = clients.members_visible_to(SYSTEM).exclude(id=member_id).values_list("name", flat=True)
    if any(matches(name, [member.name]) for name in (*others, *(client.name for client in clients.list_clients()))):
        raise IllegalMove("somebody else has this name too, and the list would mean both: start over as a client of your own")
    load_list.__wrapped__(list_name=LIST, entries=[(member.name, "", WHY)], now=now)  # type: ignore[attr-defined]
    found = screen_once_more.__wrapped__(subject_type="member", subject_id=member_id, now=now)  # type: ignore[attr-defined]
    if found is None or found.result != "HIT":
        raise IllegalMove("this member is closed, or compliance has decided that the list does not mean them")


def _clear_member(actor: Actor, member_id: UUID, now: datetime) -> None:
    if not clients.members_visible_to(actor).filter(id=member_id).exists():
        raise NotFound("no such member")
    agreed(by_one(ask_member_clearance, "compliance", now, member_id=member_id, evidence=WHY), now)


def _answer(actor: Actor, approval_id: UUID, now: datetime, *, yes: bool) -> None:
    """Compliance answers what a member asked for; however it ends, that is how it ends in life."""
    members = [member.id for member in clients.members_visible_to(actor)]
    found = approvals.list_made_by_members(members, (KIND, NEW)).filter(id=approval_id).first()
    if found is None:
        raise NotFound("no such request")
    by_one(decide_approval, "compliance", now, approval_id=found.id, approve=yes, comment=WHY)


ACTS: dict[str, Act] = {
    "withdraw_call": Act("call", "risk takes an exposure call back: WITHDRAWN", _withdraw_call),
    "cancel_trade": Act("trd", "a deal is cancelled: its confirmation SUPERSEDED, what is open CANCELLED, a dispute UPHELD", _cancel_trade),
    "reject_dispute": Act("trd", "the dispute of a deal is REJECTED", _reject_dispute),
    "verify_ssi": Act("ssi", "operations call you back: a VERIFYING instruction is APPROVED and cools off", _verify_ssi),
    "stop_ssi": Act("ssi", "operations stop it: REJECTED, or REVOKED once it was approved", _stop_ssi),
    "suspend_ssi": Act("ssi", "an ACTIVE instruction is SUSPENDED, our payments to it BLOCKED", _suspend_ssi),
    "resume_ssi": Act("ssi", "a SUSPENDED one is ACTIVE again", _resume_ssi),
    "abort_settlement": Act("set", "a net set of which nothing has left is ABORTED; its members wait for the next", _abort_settlement),
    "apply_receipt": Act("rcp", "compliance lets a QUARANTINED receipt in: CLEARED for your account", _apply_receipt),
    "return_receipt": Act("rcp", "compliance has a QUARANTINED receipt sent back: RETURN_DUE, then RETURNED", _return_receipt),
    "reject_withdrawal": Act("wdr", "operations refuse it: REJECTED", _reject_withdrawal),
    "cap_account": Act("acc", "risk caps the account's deals at 1,000 USD: a larger share of a deal is REJECTED", _cap_account),
    "rebate": Act("acc", "the account gets a rebate of 100 USD: an adjustment, BOOKED", _rebate),
    "degrade_webhook": Act(
        "whe",
        "it stands as after the last try that failed (nothing is sent): DEGRADED, with the mail; its next answer makes it ACTIVE",
        _degrade_webhook,
    ),
    "approve_key": Act("apr", "compliance agrees to a key asked for: EXECUTED, or FAILED, STALE, EXPIRED", _approve_key),
    "reject_key": Act("apr", "compliance says no to a key asked for: REJECTED", _reject_key),
    "expire_key": Act("ak", "the lifetime of a key is over: EXPIRED, and its next request is refused", _expire_key),
    "list_member": Act("mem", "a sanctions list names a member: SUSPENDED, its keys are refused and what it asked for ends", _list_member),
    "clear_member": Act("mem", "compliance decides that the list does not mean them: ACTIVE, and not to be listed again", _clear_member),
    "reverse_adjustment": Act("adj", "an adjustment that is not settled is REVERSED", _reverse_adjustment),
}
