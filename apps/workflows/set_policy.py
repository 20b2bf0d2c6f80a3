"""How a pair is priced: set by sales or a trader; a move past what one person may do waits for risk."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.core.actor import Actor
from apps.core.errors import Rejected
from apps.core.unit import step, use_case
from apps.pricing import operations as pricing
from apps.pricing import queries
from apps.pricing.errors import PolicyChanged, PolicyUnchanged
from apps.pricing.models import PairPolicy, Venue
from apps.pricing.rules import PolicyTerms, read_terms, why_checked, write_terms
from apps.users import rules as people
from apps.users.errors import RoleMissing

KIND = "pair_policy"


class PolicyReasonMissing(Rejected):
    code, title = "policy_reason_missing", "Say why the policy changes"


@use_case
def set_policy(
    *, actor: Actor, pair_code: str, terms: PolicyTerms, expected_version: int, reason: str, now: datetime
) -> tuple[PairPolicy, Approval | None]:
    """In force at once where one person may; else a request to risk, and the policy stays as it is until then.

    :return: the policy as it is now, and the request where there is one
    :raises RoleMissing: not sales and not a trader
    :raises PolicyReasonMissing: no reason is given
    :raises NotFound, PolicyChanged, PolicyUnchanged: as pricing says
    :raises ApprovalOpen: a request for this pair waits already
    """
    if actor.id is None or not people.may_make(actor.roles, "terms"):
        raise RoleMissing("sales and traders set spreads and bounds")
    if not reason:
        raise PolicyReasonMissing("the others read it in the history", pointer="/reason")
    policy = queries.get_policy(pair_code)
    if policy.version != expected_version:
        raise PolicyChanged(f"{pair_code} is at version {policy.version}; look again")
    before = queries.terms_of(policy)
    wide = why_checked(queries.find_agreed_terms(pair_code), terms)
    # A field that stays as it is needs nobody, though it stands away from what was agreed.
    old, new = write_terms(before), write_terms(terms)
    changed = [name for name in new if new[name] != old[name]]
    if not changed:
        raise PolicyUnchanged(pair_code)
    if not set(wide).intersection(changed):
        return (
            pricing.set_policy(
                pair_code=pair_code, terms=terms, expected_version=expected_version, maker=(actor.id, actor.name), reason=reason, now=now
            ),
            None,
        )
    asked = approvals.request(
        kind=KIND,
        subject_type="pair_policy",
        subject_id=pricing.policy_id(pair_code),
        subject_version=str(policy.version),
        title=f"{pair_code}: {', '.join(name.replace('_', ' ') for name in changed)}",
        payload={"pair": pair_code, "reason": reason, **{name: new[name] for name in changed}},
        before={"pair": pair_code, **{name: old[name] for name in changed}},
        maker=actor,
        checker_roles=people.ACTS["terms"][1],
        now=now,
    )
    return policy, asked


@step
def execute(*, approval: Approval, checker: Actor, now: datetime) -> PairPolicy:
    """The terms asked for, on top of what is in force: nothing else has changed, or the request would be stale."""
    payload: dict[str, Any] = approval.payload
    policy = queries.get_policy(payload["pair"])
    terms = read_terms(write_terms(queries.terms_of(policy)) | {k: v for k, v in payload.items() if k not in {"pair", "reason"}})
    return pricing.set_policy(
        pair_code=policy.pair_code,
        terms=terms,
        expected_version=policy.version,
        maker=(approval.maker_id, approval.maker_name),
        reason=payload["reason"],
        now=now,
        approval_id=approval.id,
        checker=checker.name,
    )


def version(approval: Approval) -> str:
    """The policy's version now, held against the one that was asked on."""
    return str(queries.get_policy(approval.payload["pair"]).version)


@use_case
def set_venue_fee(*, actor: Actor, code: str, taker_bps: Decimal, now: datetime) -> Venue:
    """What taking costs at a venue.

    :raises RoleMissing: not sales and not a trader
    :raises PolicyInvalid: no such fee, or no name of a venue
    """
    if not people.may_make(actor.roles, "terms"):
        raise RoleMissing("sales and traders set what venues charge")
    return pricing.set_venue_fee(code=code, taker_bps=taker_bps, actor=actor, now=now)
