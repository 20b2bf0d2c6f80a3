"""From the cut-off to the payments: freeze, agree, instruct, abort."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.clients import queries as clients
from apps.clients.errors import AccountUnavailable
from apps.clients.rules import SETTLES
from apps.core.actor import SYSTEM, Actor
from apps.core.unit import step, use_case
from apps.settlement import queries as settlement
from apps.settlement.errors import BadExclusion, EvidenceMissing, NotAllowed, NothingToFreeze, NotInSet
from apps.settlement.models import Instruction, NetSet, Obligation
from apps.settlement.operations import disputes, freezing, instructions, net_sets, obligations, settling
from apps.settlement.queries.locks import lock_legs, lock_net_set
from apps.settlement.states import NetLegStatus, NetSetStatus
from apps.users import rules as roles

ABORT = "net_set_abort"


@use_case
def freeze_net_set(*, account_id: UUID, entity_id: UUID, value_date: date, cutoff_at: datetime, now: datetime) -> NetSet | None:
    """Freeze what was booked at or before the cut-off, in few statements; without payment netting on file, instruct each obligation (None).

    :raises NothingToFreeze: there is nothing, or somebody was faster
    """
    account = settling.lock_money(account_id=account_id)
    if clients.is_frozen(account_id):
        raise NothingToFreeze("nothing of this account is netted")
    terms = clients.get_terms(account_id, now)
    if not terms.payment_netting:
        if cutoff_at > now:
            raise NothingToFreeze(f"the cut-off is at {cutoff_at.isoformat()}")
        due = obligations.lock_open(account_id=account_id, entity_id=entity_id, value_date=value_date, booked_until=cutoff_at)
        for one in due:
            instructions.instruct_obligation(obligation=one, account=account, now=now)
        return None
    return freezing.freeze(
        account=account,
        entity_id=entity_id,
        value_date=value_date,
        cutoff_at=cutoff_at,
        silence_agrees=terms.silence_agrees,
        now=now,
    )


@use_case
def instruct_net_set(*, net_set_id: UUID, now: datetime) -> list[Instruction]:
    """Payments for legs that are open: once the set is frozen, again after a failure, a return."""
    net_set = lock_net_set(net_set_id)
    if net_set.status in {NetSetStatus.ABORTED, NetSetStatus.SETTLED, NetSetStatus.CLOSED_OUT}:
        return []
    return _instruct(net_set, now)


@use_case
def agree_net_set(*, net_set_id: UUID, actor: Actor, evidence: str = "", now: datetime) -> NetSet:
    """The client agrees, also what it disputed; or operations on its word; or the system, when `agree_by` has passed.

    :param evidence: where the client said so, for our people
    :raises NotFound: not the client's
    :raises NotAllowed: a member without settlement authority
    :raises AppError: RoleMissing, EvidenceMissing, AccountUnavailable
    :raises IllegalMove: it is past agreeing
    """
    found = settlement.get_net_set(net_set_id, actor=actor)
    _require_say(actor, found.account_id, evidence)
    if clients.is_frozen(found.account_id):
        raise AccountUnavailable("no settlement on this account")
    net_set = lock_net_set(net_set_id)
    if actor == SYSTEM and (net_set.agree_by is None or net_set.agree_by > now or net_set.status != NetSetStatus.FROZEN):
        return net_set
    return net_sets.agree(net_set=net_set, now=now)


@use_case
def dispute_net_set(*, net_set_id: UUID, actor: Actor, lines: Mapping[UUID, str], evidence: str = "", now: datetime) -> NetSet:
    """The client says no to some lines, each with its reason; or operations on its word. Nothing of the set is paid while it stands.

    :raises AppError: NotFound, NotAllowed, RoleMissing, EvidenceMissing, NotInSet, IllegalMove
    """
    found = settlement.get_net_set(net_set_id, actor=actor)
    _require_say(actor, found.account_id, evidence)
    return disputes.dispute(net_set=lock_net_set(net_set_id), lines=lines, actor=actor, evidence=evidence, now=now)


@use_case
def exclude_obligation(*, obligation_id: UUID, actor: Actor, until: datetime, reason: str, now: datetime) -> Obligation:
    """Operations keep an open obligation out of the sets before a later cut-off; of a frozen set it takes an abort.

    :raises AppError: RoleMissing, NotFound, BadExclusion
    """
    roles.require_may(actor.roles, ABORT)
    found = settlement.get_obligation(obligation_id, actor=actor)
    locked = obligations.lock(obligation_ids=[found.id])
    disputes.exclude(obligations=locked, until=until, reason=reason, actor=actor, now=now)
    return locked[0]


@use_case
def request_abort(
    *, net_set_id: UUID, actor: Actor, reason: str, leave_out: Sequence[UUID] = (), until: datetime | None = None, now: datetime
) -> Approval:
    """Ask that a set let its members go, for a new one of the same cut-off; another one of operations answers.

    :param leave_out: lines that go into a later set, of the cut-off `until`
    :raises AppError: RoleMissing, NotFound, NotInSet, BadExclusion, ApprovalOpen
    """
    roles.require_may(actor.roles, ABORT)
    net_set = settlement.get_net_set(net_set_id, actor=actor)
    if not reason:
        raise BadExclusion("say why")
    mine = {one.id for one, _ in settlement.net_set_lines(net_set_id)}
    if not set(leave_out) <= mine:
        raise NotInSet("what is left out is a line of this set")
    if leave_out and (until is None or until <= now):
        raise BadExclusion("name the later set by its cut-off")
    return approvals.request(
        kind=ABORT,
        subject_type="net_set",
        subject_id=net_set.id,
        subject_version=str(net_set.status),
        title=f"Abort the set of {net_set.account.code}, {net_set.value_date}",
        payload={
            "reason": reason,
            "leave_out": [str(one) for one in leave_out],
            "until": until.isoformat() if leave_out and until is not None else None,
        },
        maker=actor,
        checker_roles=roles.ACTS[ABORT][1],
        now=now,
    )


def version(approval: Approval) -> str:
    """Locks the account's money, then the set."""
    settling.lock_money(account_id=settlement.get_net_set(approval.subject_id, actor=SYSTEM).account_id)
    return str(lock_net_set(approval.subject_id).status)


@step
def execute(*, approval: Approval, checker: Actor, now: datetime) -> None:
    """What an approved request of kind "net_set_abort" does: the set is aborted, and what is left out waits for its own.

    :raises AlreadySettling: something of it was released, sent, received
    """
    asked = approval.payload
    net_sets.abort(net_set_id=approval.subject_id, reason=asked["reason"], now=now)
    if asked["leave_out"]:
        locked = obligations.lock(obligation_ids=[UUID(one) for one in asked["leave_out"]])
        disputes.exclude(obligations=locked, until=datetime.fromisoformat(asked["until"]), reason=asked["reason"], actor=checker, now=now)


@step
def _require_say(actor: Actor, account_id: UUID, evidence: str) -> None:
    """Of the client a member with settlement authority; of our people operations, with the client's word."""
    if actor.is_client and not clients.has_role(actor, account_id, SETTLES):
        raise NotAllowed("settlement authority is needed")
    if actor.kind == "STAFF":
        roles.require_may(actor.roles, ABORT)
        if not evidence:
            raise EvidenceMissing("the mail or call in which the client said so")


def _instruct(net_set: NetSet, now: datetime) -> list[Instruction]:
    legs = [leg for leg in lock_legs(net_set.id) if leg.status == NetLegStatus.OPEN and leg.amount]
    return [instructions.instruct_leg(net_set=net_set, leg=leg, now=now) for leg in legs]
