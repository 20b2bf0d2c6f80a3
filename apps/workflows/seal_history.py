"""Seal what was committed since the last block: events and ledger transactions, in commit order, in a hash chain."""

from datetime import datetime

from django.conf import settings

from apps.core.unit import use_case
from apps.events import operations as events
from apps.events import queries
from apps.events.models import Seal
from apps.reports.queries import chain


@use_case
def seal_history(*, now: datetime) -> Seal | None:
    """One more block; None where nothing waits that is older than every running transaction, or another sealer is at it."""
    del now
    if not queries.lock_chain():
        return None
    number, era, xid, head = queries.get_chain_head()
    found = chain.read_unsealed(era=era, after_xid=xid, current_era=settings.EVENT_ERA)
    if found is None:
        return None
    return events.seal(after=(number, era, xid, head), era=found.era, xid=found.xid, ids=found.ids, digests=found.digests)
