"""The rows every installation starts with can be used by the rules."""

from datetime import date

import pytest

from apps.instruments import rules
from apps.instruments.models import Asset, BookingEntity, Rail

pytestmark = pytest.mark.django_db


def test_every_rail_has_a_cutoff_in_a_zone_that_exists():
    for rail in Rail.objects.all():
        rules.cutoff_at(date(2023, 6, 16), rules.CutOff(rail.asset_id, rail.cutoff, rail.zone))


def test_every_asset_settles_by_a_calendar_that_is_known():
    usd = rules.Asset("USD", rules.Kind.FIAT)
    for asset in Asset.objects.exclude(code="USD"):
        assert rules.value_date(date(2023, 6, 16), rules.Asset(asset.code, rules.Kind(asset.kind)), usd, 2)


def test_every_booking_entity_rolls_in_a_zone_that_exists():
    for entity in BookingEntity.objects.all():
        start, end = rules.business_day_bounds(date(2023, 6, 16), rules.Roll(entity.roll, entity.zone))
        assert start < end
