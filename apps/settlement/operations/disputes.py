"""What a client says of a frozen set, line by line; what is kept out of the next one."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from apps.core import db, ids, money
from apps.core.actor import Actor
from apps.core.unit import step
from apps.events import operations as events
from apps.rfqs.queries import stamp
from apps.settlement.errors import BadExclusion, NotInSet
from apps.settlement.models import Exclusion, LineDispute, NetSet, Obligation
from apps.settlement.queries import describing
from apps.settlement.states import NET_SET, NetSetStatus, ObligationStatus

from . import settling


@step
def dispute(*, net_set: NetSet, lines: Mapping[UUID, str], actor: Actor, evidence: str, now: datetime) -> NetSet:
    """FROZEN → DISPUTED, with the lines that the client does not agree; more lines of a disputed set are added.

    :param net_set: locked
    :param lines: obligation → what is wrong with it
    :raises NotInSet: none, or one of them is not a line of this set
    :raises IllegalMove: it is agreed, settling or ended
    """
    mine = set(Obligation.objects.filter(net_leg__net_set=net_set, id__in=list(lines)).values_list("id", flat=True))
    if not lines or mine != set(lines):
        raise NotInSet(", ".join(ids.encode("obl", one) for one in sorted(set(lines) - mine)) or "name at least one line")
    if net_set.status != NetSetStatus.DISPUTED:
        NET_SET.move(net_set, NetSetStatus.DISPUTED)
        net_set.save(update_fields=["status"])
    assert actor.id is not None
    open_ones = set(LineDispute.objects.filter(net_set=net_set, outcome="").values_list("obligation_id", flat=True))
    for obligation_id in sorted(mine - open_ones):
        made = LineDispute(
            id=ids.uuid7(),
            net_set=net_set,
            obligation_id=obligation_id,
            reason=lines[obligation_id][:200],
            raised_kind=actor.kind,
            raised_by=actor.id,
            evidence=evidence,
            raised_at=now,
        )
        db.insert(made)
    settling.tell(net_set=net_set, kind="net_set.disputed")
    return net_set


@step
def end(*, net_set: NetSet, outcome: str, now: datetime) -> None:
    """The set was agreed after all, or aborted: nothing of it is disputed any more."""
    LineDispute.objects.filter(net_set=net_set, outcome="").update(outcome=outcome, ended_at=now)


@step
def exclude(*, obligations: Sequence[Obligation], until: datetime, reason: str, actor: Actor, now: datetime) -> None:
    """Keep OPEN obligations out of every set that is cut off before `until`.

    :param obligations: locked
    :raises BadExclusion: one is not open, `until` is not ahead, or no reason is given
    """
    if until <= now:
        raise BadExclusion("the later set's cut-off lies ahead")
    if not reason:
        raise BadExclusion("say why")
    assert actor.id is not None
    for one in obligations:
        if one.status != ObligationStatus.OPEN:
            raise BadExclusion(f"{ids.encode('obl', one.id)} is {one.status}")
        one.held_until = until
        one.save(update_fields=["held_until"])
        db.insert(Exclusion(id=ids.uuid7(), obligation=one, until=until, reason=reason[:200], made_by=actor.id, made_at=now))
        events.record(
            "obligation.excluded",
            subject_type="obligation",
            subject_id=one.id,
            client_id=one.account.owner_id,
            account_id=one.account_id,
            public={**describing.describe_obligation(one), "until": stamp(until), "reason": reason[:200]},
            house={"asset": one.asset_id, "amount": money.text(one.amount), "by": actor.name},
        )
