"""Who asks for much more prices than it deals is warned, and stopped where its terms say so."""

from datetime import datetime, timedelta
from uuid import UUID

from apps.clients import operations as clients
from apps.core.unit import use_case


@use_case
def judge_fair_use(*, client_id: UUID, level: str, requests: int, deals: int, now: datetime) -> None:
    """Keep a client's level of fair use (`reports.rules.statistics.fair_use_level`).

    A stop ends with the running hour: then the oldest hour leaves the day, and the client is judged again.
    """
    hour_ends = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    clients.set_fair_use(client_id=client_id, level=level, requests=requests, deals=deals, until=hour_ends, now=now)
