"""The head of the audit chain, signed once a day, to be kept where this database is not."""

import json
from datetime import UTC, datetime

from apps.core import clock, signing_keys
from apps.core.signing_keys import CHAIN_HEAD
from apps.core.unit import use_case
from apps.events import operations as events
from apps.events import queries as history


@use_case
def anchor_chain(*, now: datetime) -> bool:
    """Anchor the last block of today, by the wall's date in UTC; False where today has its anchor, or nothing was ever sealed.

    :raises BadKeyFile: there is no key to sign with
    """
    on = clock.wall_now().astimezone(UTC).date()
    number, head = history.find_sealed()
    if number is None or history.has_anchor(on):
        return False
    document = {"date": on.isoformat(), "number": number, "head": head}
    signed = signing_keys.sign(json.dumps(document, sort_keys=True).encode(), CHAIN_HEAD)
    return events.keep_anchor(on=on, number=number, head=head, signed=signed)
