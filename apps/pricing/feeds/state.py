"""How the leading feed does, venue by venue, for the desk and the log."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from apps.pricing.rules import Composite, Source

from .bus import FeedState, VenueState
from .live import VenueHealth


def state_of(
    composites: Iterable[Composite], lines: Iterable[VenueHealth], *, kind: str, leader: str, leads_s: int, now: datetime
) -> FeedState:
    """
    :param lines: of live venues; a simulated or recorded one is up while it shows anything
    """
    sources: dict[str, dict[str, Source]] = defaultdict(dict)  # by venue and pair: the sources of a cross are those of its legs
    for depth in composites:
        for source in depth.sources:
            sources[source.venue][source.pair] = source
    health = {line.venue: line for line in lines}
    venues = [_venue(name, list(sources[name].values()), health.get(name)) for name in sorted(sources.keys() | health.keys())]
    return FeedState(kind=kind, leader=leader, leads_s=leads_s, as_of=now, venues=tuple(venues))


def _venue(name: str, shown: list[Source], line: VenueHealth | None) -> VenueState:
    used = sum(source.used for source in shown)
    return VenueState(
        venue=name,
        used=used,
        left_out=len(shown) - used,
        reasons=sorted({reason for source in shown for reason in source.reasons}),
        oldest_ms=max((source.age_ms for source in shown), default=None),
        state=line.state if line is not None else "up",
        messages=line.messages if line is not None else None,
        refused=line.refused if line is not None else 0,
        reconnects=line.reconnects if line is not None else 0,
        why=line.why if line is not None else "",
    )
