from enum import StrEnum

from apps.core.states import Machine


class DeliveryStatus(StrEnum):
    PENDING = "PENDING"
    SENT = "SENT"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    BOUNCED = "BOUNCED"


D = DeliveryStatus
DELIVERY = Machine({D.PENDING: {D.SENT, D.BOUNCED}, D.SENT: {D.ACKNOWLEDGED, D.BOUNCED}, D.BOUNCED: {D.PENDING}, D.ACKNOWLEDGED: set()})
