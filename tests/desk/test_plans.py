"""Shares that a client named before the deal: on the ticket of who prices it, and on the page of what became of it."""

from decimal import Decimal as D
from typing import Any

import pytest

from apps.core import ids
from apps.rfqs.models import Rfq
from apps.workflows.plan_shares import plan_shares
from apps.workflows.sharing import Share
from tests import world
from tests.desk.day import Day
from tests.stories.test_blocks import open_account

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_desk_sees_who_is_to_have_which_part(enter: Any, day: Day) -> None:
    fund = open_account(firm=day.acme, name="fund")
    waiting = Rfq.objects.get(client_rfq_id="r-large-1")
    address = f"/desk/rfqs/{ids.encode('rfq', waiting.id)}/"
    tara = enter("tara")
    before = [tara.get(at).content.decode() for at in (address, f"{address}ticket/")]
    assert not any("Shares planned" in page for page in before)
    plan_shares(actor=world.actor_of(day.acme.account, "Trader"), rfq_id=waiting.id, shares=[Share(fund.id, percent=D("12.5"))])
    for at in (address, f"{address}ticket/"):
        page = tara.get(at).content.decode()
        assert "Shares planned before the deal" in page and "acme-fund" in page and "12.50 <small>%" in page, at
