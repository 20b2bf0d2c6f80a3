"""When a deal made now would settle, tenor by tenor."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any
from uuid import UUID

from apps.clients import queries as clients
from apps.core.actor import Actor
from apps.core.errors import NotFound
from apps.instruments import queries as instruments
from apps.instruments.errors import PastCutoff
from apps.instruments.rules import LATEST_TENOR, business_date
from apps.rfqs import queries as rfqs
from apps.rfqs.queries import stamp

from . import quoting


def trade_date(account_ids: Iterable[UUID], now: datetime) -> date:
    """The trade date of a deal made now on one of these accounts; they have one contracting entity's roll."""
    for account_id in account_ids:
        return instruments.get_entity_by_id(clients.get_terms(account_id, now).entity_id).business_date(now)
    return business_date(now)


def list_value_dates(actor: Actor, account_id: UUID | None, instrument: str, now: datetime) -> list[dict[str, Any]]:
    """T+0 to T+2, as a request of this account would be told them at `now`.

    :raises NotFound: no such instrument or account
    """
    dealing = rfqs.get_dealing(actor=actor, account_id=account_id, pair=instrument)
    if dealing is None:
        raise NotFound(f"no instrument {instrument}")
    out: list[dict[str, Any]] = []
    for days in range(LATEST_TENOR + 1):
        tenor = f"T+{days}"
        try:
            settles = quoting.value_date(dealing, tenor, now)
        except PastCutoff as no:
            told = {"available": False, "value_date": no.extra["next_value_date"], "cutoffs": {}, "detail": no.detail}
        else:
            told = {
                "available": True,
                "value_date": settles.day.isoformat(),
                "cutoffs": {asset: stamp(at) for asset, at in settles.cutoffs},
            }
        out.append({"tenor": tenor, **told})
    return out
