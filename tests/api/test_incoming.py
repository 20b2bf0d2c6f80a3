"""GET /receipts: what came for one's own accounts, and of what people look at no more than that they do."""

from decimal import Decimal as D
from typing import Any

import pytest
from flowdesk_client import Refused

from apps.core import db
from apps.core.unit import use_case
from apps.jobs import settlement as jobs
from apps.settlement.models import Receipt
from apps.settlement.operations import receipts
from tests import web as webs
from tests import world
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_client_reads_its_receipts_and_never_why_one_is_looked_at(web: webs.Web) -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme", mode="PREFUNDED")
    borealis = world.firm("borealis")
    for amount, name in ((D(100), "Acme Capital"), (D(200), "Somebody Else"), (D(300), "Somebody Else")):
        here.pay_in("USD", amount, name=name, address="021000021-1001", remittance="r-7")
    here.pay_in("USD", D(9), name="Nobody", address="999")
    jobs.poll_rails()
    jobs.match_receipts()

    @use_case
    def freeze(*, now: Any) -> None:
        receipts.freeze(receipt=Receipt.objects.get(amount=300), now=now)

    freeze()
    api = webs.api(web, acme.trader, attempts=1)
    found = api.get("/api/v1/receipts")["data"]
    assert [(r["amount"], r["status"], r["reason"]) for r in sorted(found, key=lambda r: D(r["amount"]))] == [
        ("100", "MATCHED", None), ("200", "QUARANTINED", "under_review"), ("300", "QUARANTINED", "under_review"),
    ]  # fmt: skip
    assert not [word for word in ("THIRD_PARTY", "FROZEN", "SCREENING", "Somebody") if word in str(found)]
    one = found[0]
    assert api.get(f"/api/v1/receipts/{one['id']}") == one
    assert api.get(f"/api/v1/receipts?account_id={one['account_id']}&limit=2")["next_cursor"]
    events = [e for e in api.events()["data"] if e["type"].startswith("receipt.")]
    assert sorted(e["type"] for e in events) == ["receipt.credited", "receipt.quarantined", "receipt.quarantined"]
    assert not [word for word in ("THIRD_PARTY", "FROZEN", "SCREENING", "Somebody") if word in str(events)]
    stranger = webs.api(web, borealis.trader, attempts=1)
    assert stranger.get("/api/v1/receipts")["data"] == []
    with pytest.raises(Refused) as no:
        stranger.get(f"/api/v1/receipts/{one['id']}")
    assert no.value.code == "not_found"
    with pytest.raises(Refused) as no:
        stranger.get(f"/api/v1/receipts?account_id={one['account_id']}")
    assert no.value.code == "not_found"
    assert db.one("SELECT count(*) FROM settlement_receipt") == (4,)
