"""The travel rule's messages: ours are sent and asked about again, others' are heard and answered. Safe to run twice at once."""

import logging

from celery import shared_task
from django.db import DatabaseError

from apps.compliance.rails.travel import Reply, network
from apps.core import clock
from apps.core.errors import AppError
from apps.settlement.queries.travelling import list_due
from apps.workflows.travel_rule import hear, record_reply

log = logging.getLogger(__name__)


def tell_vasps() -> int:
    """What is due, and what got no answer five minutes ago; each by its own id, so that it is told once."""
    told = 0
    for one in list_due(clock.desk_now()):
        try:
            reply = network().send(one.vasp_lei, str(one.id), one.record.payload)
        except Exception:  # whatever broke on the way: it may have got it, and is asked again by the same id
            log.exception("no answer from %s", one.vasp_name)
            reply = Reply("NO_ANSWER", "no answer")
        try:
            record_reply(message_id=one.id, reply=reply)
            told += 1
        except (AppError, DatabaseError) as no:
            log.warning("travel message %s: %s", one.id, no)
    return told


def hear_vasps() -> int:
    """What others tell us: kept first, then answered, so that a lost answer is given again. What is of no transfer yet waits."""
    heard = 0
    for inbound in network().inbox():
        try:
            said = hear(inbound=inbound)
            if said is not None:
                network().answer(inbound.id, accepted=said[0], reason=said[1])
                heard += 1
        except Exception:  # one that breaks keeps no other waiting
            log.exception("travel message %s", inbound.id)
    return heard


@shared_task(name="flowdesk.travel_rule")
def travel_rule() -> None:
    tell_vasps()
    hear_vasps()
