"""Where clients pay us: what they are told now, and every version before."""

from uuid import UUID

from apps.settlement.models import Nostro, PayTo


def find_pay_to(nostro_id: UUID) -> PayTo | None:
    """The version in force; None: nothing but what the account itself says."""
    return PayTo.objects.filter(nostro_id=nostro_id).order_by("-version").first()


def list_pay_to() -> dict[UUID, PayTo]:
    """Of every account that has one, the version in force."""
    return {one.nostro_id: one for one in PayTo.objects.order_by("nostro_id", "-version").distinct("nostro_id")}


def list_told() -> list[PayTo]:
    """Every version, the newest first."""
    return list(PayTo.objects.select_related("nostro").order_by("-set_at", "-version"))


def describe_way_in(nostro: Nostro, told: PayTo | None) -> dict[str, str | int]:
    """Where a client pays us; version 0 was never changed."""
    return {
        "asset": nostro.asset_id,
        "rail": nostro.rail_id,
        "holder": nostro.entity.name if told is None else told.holder,
        "address": nostro.address,
        "bic": "" if told is None else told.bic,
        "bank": "" if told is None else told.bank,
        "version": 0 if told is None else told.version,
    }
