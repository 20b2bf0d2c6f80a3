"""What a sandbox's people do to a tester's own client when it asks for it: its status, a call of its exposure. In a sandbox alone."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from apps.clients import operations as clients
from apps.clients import queries
from apps.clients.states import ClientStatus
from apps.core.actor import Actor
from apps.core.errors import NotFound
from apps.core.unit import use_case
from apps.credit import operations as credit
from apps.credit import queries as credit_queries
from apps.credit.models import ExposureCall
from apps.credit.states import Level, Measure

from .change_status import lower
from .found_test_client import require_sandbox
from .stage_acts import ACTS, WHY, close_out

DOWN = {"restrict": ClientStatus.RESTRICTED, "suspend": ClientStatus.SUSPENDED, "freeze": ClientStatus.FROZEN}
TO_CLIENT = (*DOWN, "approve", "call", "meet_call", "default")
_UP = {
    ClientStatus.FROZEN: ClientStatus.SUSPENDED,
    ClientStatus.SUSPENDED: ClientStatus.RESTRICTED,
    ClientStatus.RESTRICTED: ClientStatus.APPROVED,
}
CALLED, DUE = Decimal(1_000_000), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Staged:
    """How the client stands now, and the call that was issued."""

    status: ClientStatus
    call: ExposureCall | None


@use_case
def stage_test_client(*, actor: Actor, act: str, thing_id: UUID | str | None, now: datetime) -> Staged:
    """Restrict, suspend, freeze or approve the tester's own client, call its exposure, see the call as met, close it out; or one of ACTS.

    :param thing_id: what an act of ACTS is done to; a key by its name
    :raises AppError: SandboxOnly; NotDown, IllegalMove: from its status it cannot; NotFound: it has no line, or no such thing; CallOpen: it
        is called already; whatever our people would be refused with
    """
    require_sandbox()
    assert actor.client_id is not None
    call = None
    if act in ACTS:
        assert thing_id is not None
        ACTS[act].do(actor, thing_id, now)
    elif act in DOWN:
        lower(client_id=actor.client_id, status=DOWN[act], reason=WHY, now=now)
    elif act == "approve":
        client = queries.lock_counterparty(actor.client_id)
        while (status := ClientStatus(client.status)) in _UP:
            clients.set_status(thing=client, status=_UP[status], reason=WHY)
    elif act == "default":
        close_out(queries.get_counterparty(actor.client_id), now)
    else:
        line = credit_queries.find_line(Level.CLIENT, actor.client_id, Measure.PRE_SETTLEMENT)
        if line is None:
            raise NotFound("this client has no line")
        if act == "call":
            call = credit.issue_call(
                line=line, client_id=actor.client_id, amount=CALLED, reason=WHY, due_at=now + DUE, issued_by=None, now=now
            )
        else:
            credit.meet_calls(line_id=line.id, now=now)
    return Staged(ClientStatus(queries.get_counterparty(actor.client_id).status), call)
