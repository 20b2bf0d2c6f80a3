from enum import StrEnum

from apps.core.states import Machine


class DeliveryStatus(StrEnum):
    PENDING = "PENDING"
    SENT = "SENT"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    BOUNCED = "BOUNCED"


D = DeliveryStatus
DELIVERY = Machine({D.PENDING: {D.SENT, D.BOUNCED}, D.SENT: {D.ACKNOWLEDGED, D.BOUNCED}, D.BOUNCED: {D.PENDING}, D.ACKNOWLEDGED: set()})


class EndpointStatus(StrEnum):
    """DEGRADED is still tried; only the client disables."""

    ACTIVE = "ACTIVE"
    DEGRADED = "DEGRADED"
    DISABLED = "DISABLED"


E = EndpointStatus
ENDPOINT = Machine({E.ACTIVE: {E.DEGRADED, E.DISABLED}, E.DEGRADED: {E.ACTIVE, E.DISABLED}, E.DISABLED: {E.ACTIVE}})


class PostStatus(StrEnum):
    """Of one event on its way to one endpoint. RETRYING failed at least once; nothing is ever given up."""

    PENDING = "PENDING"
    RETRYING = "RETRYING"
    SENT = "SENT"


P = PostStatus
POST = Machine({P.PENDING: {P.SENT, P.RETRYING}, P.RETRYING: {P.SENT, P.PENDING}, P.SENT: {P.PENDING}})
