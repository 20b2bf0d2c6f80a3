"""What a client and an account may become; the stricter of the two applies."""

from enum import StrEnum

from apps.core.states import Machine


class ClientStatus(StrEnum):
    PROSPECT = "PROSPECT"
    ONBOARDING = "ONBOARDING"
    REFUSED = "REFUSED"
    APPROVED = "APPROVED"
    RESTRICTED = "RESTRICTED"
    SUSPENDED = "SUSPENDED"
    FROZEN = "FROZEN"
    OFFBOARDED = "OFFBOARDED"


C = ClientStatus
CLIENT = Machine(
    {
        C.PROSPECT: {C.ONBOARDING, C.REFUSED},
        C.ONBOARDING: {C.APPROVED, C.REFUSED, C.FROZEN},
        C.REFUSED: set(),
        C.APPROVED: {C.RESTRICTED, C.SUSPENDED, C.FROZEN},
        C.RESTRICTED: {C.APPROVED, C.SUSPENDED, C.FROZEN, C.OFFBOARDED},
        C.SUSPENDED: {C.RESTRICTED, C.FROZEN, C.OFFBOARDED},
        C.FROZEN: {C.SUSPENDED},
        C.OFFBOARDED: set(),
    }
)


class SsiStatus(StrEnum):
    DRAFT = "DRAFT"
    VERIFYING = "VERIFYING"
    APPROVED = "APPROVED"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    REJECTED = "REJECTED"
    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"


I = SsiStatus  # noqa: E741
SSI = Machine(
    {
        I.DRAFT: {I.VERIFYING, I.REJECTED},
        I.VERIFYING: {I.APPROVED, I.REJECTED},
        I.APPROVED: {I.ACTIVE, I.REVOKED, I.EXPIRED},
        I.ACTIVE: {I.SUSPENDED, I.REVOKED, I.EXPIRED},
        I.SUSPENDED: {I.ACTIVE, I.REVOKED, I.EXPIRED},
        I.REJECTED: set(),
        I.REVOKED: set(),
        I.EXPIRED: set(),
    }
)
