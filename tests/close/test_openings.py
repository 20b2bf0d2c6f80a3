"""Opening balances: asked by finance, granted by another, posted once and before anything else; a bad list is refused whole."""

from datetime import date
from decimal import Decimal as D
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection
from django.test import Client

from apps.approvals.errors import SameHands
from apps.approvals.models import Approval
from apps.close.errors import BadOpening, OpeningTooLate
from apps.close.models import Opening
from apps.core import clock, db
from apps.jobs import settlement as jobs
from apps.ledger.models import LedgerTransaction
from apps.reports.queries import journal, proofs
from apps.users.errors import RoleMissing
from apps.users.models import User
from apps.workflows.onboard_client import register_counterparty
from apps.workflows.open_balances import ask_openings, read_file
from apps.workflows.open_day import open_day
from apps.workflows.reconcile import import_venue_balances, reconcile
from tests import world
from tests.close import world as days
from tests.deals import person
from tests.settlement import world as house
from tests.settlement.test_large_records import counted

pytestmark = pytest.mark.django_db(transaction=True)
TUESDAY = date(2026, 9, 15)
LIST = """account,owner,asset,amount
nostro,fedwire-usd/flowdesk-usd-1,USD,1500000.25
nostro,bc1qflowdesk,BTC,12.5
venue,helios,BTC,2
venue,helios,USD,-40000
client,cygnus-main,USD,250000
"""


@pytest.fixture
def nostros() -> dict[str, Any]:
    clock.freeze_desk(world.NOON)
    return {asset: house.open_nostro(asset=asset) for asset in ("USD", "BTC")}


@pytest.fixture
def house_before_its_first_day(nostros: dict[str, Any]) -> dict[str, Any]:
    world.firm("cygnus", mode="PREFUNDED")
    register_counterparty(code="helios", name="Helios Liquidity", lei="", country="US", roles=["VENUE"])
    return nostros


def ask(text: str = LIST, on: date = TUESDAY, who: str = "fay", role: str = "finance") -> Approval:
    asked: Approval = ask_openings(
        actor=person(who, role), entity_id=days.entity_id(), on=on, wanted=read_file(text), evidence="trial balance of 14 September"
    )
    return asked


def test_a_house_opens_its_books_by_two_of_finance(house_before_its_first_day: dict[str, Any]) -> None:
    jobs.place_at(house_before_its_first_day["USD"].id, D("1500000.25"))
    jobs.place_at(house_before_its_first_day["BTC"].id, D("12.5"))
    with pytest.raises(RoleMissing):
        ask(who="olga", role="operations")
    asked = ask()
    assert asked.payload["lines"]["venue helios"] == {"BTC": "2", "USD": "-40000"}
    assert LedgerTransaction.objects.count() == 0
    with pytest.raises(SameHands):
        days.decide(asked, "fay", "finance")
    assert days.decide(asked, "rita", "risk").status == "EXECUTED"
    assert house.balances() == {
        "NOSTRO USD": D("1500000.25"),
        "NOSTRO BTC": D("12.5"),
        "VENUE BTC": D(2),
        "VENUE USD": D(-40000),
        "CLIENT_BALANCE USD": D(-250000),
        "CAPITAL USD": D("-1210000.25"),  # 1,500,000.25 − 40,000 − 250,000
        "CAPITAL BTC": D("-14.5"),
    }
    told = LedgerTransaction.objects.filter(source_type="opening", kind="OPENING", business_date=TUESDAY)
    assert told.count() == Opening.objects.count() == 5
    assert {one.effective_at.isoformat() for one in told} == {"2026-09-14T21:00:00+00:00"}  # the first instant of that business date
    with db.snapshot():
        assert all(line.ok for line in proofs.run(["openings", "position_identity", "zero_sums", "balances", "open_items_have_owners"]))
        assert "opening balance: trial balance of 14 September" in {one.narrative for one in journal.list_postings(None)}
    # Nothing of it is a break: the bank says the same, and so does the venue.
    jobs.poll_rails()
    import_venue_balances(
        actor=None, entity_id=days.entity_id(), counterparty="helios", on=TUESDAY, text="asset,amount\nBTC,2\nUSD,-40000\n"
    )
    open_day(entity_id=days.entity_id(), on=TUESDAY)
    assert reconcile(entity_id=days.entity_id(), on=TUESDAY).breaks == []
    # Never again, in any way.
    with pytest.raises(OpeningTooLate, match="line 2: USD house USD has postings of 2026-09-15 or before, and 4 more"):
        ask()
    one = Opening.objects.order_by("id").first()
    assert one is not None
    with pytest.raises(IntegrityError, match="opening_once"):
        Opening.objects.create(**{f.attname: getattr(one, f.attname) for f in Opening._meta.concrete_fields if f.name != "id"})


WRONG = {
    "another head": ("account,owner,amount\n", 1, ""),
    "no owner": ("nostro,nowhere,USD,1\n", 2, "owner"),
    "another asset of the account": ("nostro,bc1qflowdesk,USD,1\n", 2, "owner"),
    "an asset that is none": ("client,cygnus-main,XYZ,1\n", 2, "asset"),
    "another kind": ("bank,bc1qflowdesk,BTC,1\n", 2, "account"),
    "a client as venue": ("venue,cygnus,BTC,1\n", 2, "owner"),
    "nothing": ("client,cygnus-main,USD,0\n", 2, "amount"),
    "too fine": ("client,cygnus-main,USD,1.001\n", 2, "amount"),
    "no number": ("client,cygnus-main,USD,1e5\n", 2, "amount"),
    "a column less": ("client,cygnus-main,USD\n", 2, ""),
    "a column more": ("client,cygnus-main,USD,1,2\n", 2, ""),
    "twice": ("client,cygnus-main,USD,1\nnostro,bc1qflowdesk,BTC,1\nclient,cygnus-main,USD,1\n", 4, "owner"),
    "an open quote": ('client,cygnus-main,USD,1\nclient,"cygnus', 3, ""),
}


def test_a_bad_line_is_named_and_nothing_of_its_list_is_asked_for(house_before_its_first_day: dict[str, Any]) -> None:
    for name, (text, line, field) in WRONG.items():
        with pytest.raises(BadOpening) as no:
            ask(text if text.startswith("account") else "account,owner,asset,amount\n" + text)
        assert (no.value.extra["line"], no.value.extra["field"]) == (line, field), name
    with pytest.raises(BadOpening, match="1 to 2000"):
        ask("account,owner,asset,amount\n")
    with pytest.raises(BadOpening, match="has not begun"):
        ask(on=date(2026, 9, 16))
    assert Approval.objects.count() == Opening.objects.count() == LedgerTransaction.objects.count() == 0


def test_a_real_posting_comes_first_and_closes_the_door(house_before_its_first_day: dict[str, Any]) -> None:
    asked = ask()
    house.fund(house_before_its_first_day["BTC"].id, D(1), "meanwhile")
    done = days.decide(asked, "finn", "finance")
    assert (done.status, Opening.objects.count()) == ("FAILED", 0)  # all or nothing
    assert "BTC house BTC has postings" in done.comment
    with connection.cursor() as cursor, pytest.raises(IntegrityError, match="as it was granted"):
        cursor.execute(
            "INSERT INTO close_opening (id, entity_id, kind, owner_id, owner, asset_code, ledger_account_id, amount, date, evidence, "
            "asked_by, granted_by, posted_at) SELECT gen_random_uuid(), entity_id, 'NOSTRO', owner_id, 'x', asset_code, id, amount, "
            "'2026-09-15', 'x', gen_random_uuid(), gen_random_uuid(), now() FROM ledger_ledgeraccount WHERE kind = 'NOSTRO'"
        )
    days.close(TUESDAY)
    with pytest.raises(OpeningTooLate, match="is closed"):
        ask()


def test_finance_ask_on_the_desk(house_before_its_first_day: dict[str, Any], client: Client) -> None:
    client.force_login(_user("fay"), backend="django.contrib.auth.backends.ModelBackend")
    page = client.get("/desk/openings/")
    assert page.status_code == 200
    assert "cygnus-main" in page.content.decode()
    form = {"once": "7b0a3a52-55a9-4f0e-9c2e-0d61f1a3a001", "date": "2026-09-15", "evidence": "statement 211"}
    one = client.post("/desk/openings/ask/", form | {"account": "client cygnus-main", "asset": "USD", "amount": "250k"})
    assert one.status_code == 302
    many = {"once": "7b0a3a52-55a9-4f0e-9c2e-0d61f1a3a002", "file": SimpleUploadedFile("openings.csv", LIST.replace("12.5", "x").encode())}
    refused = client.post("/desk/openings/file/", form | many)
    assert refused.status_code == 422
    assert "line 3, amount" in refused.content.decode()
    many = {"once": "7b0a3a52-55a9-4f0e-9c2e-0d61f1a3a003", "file": SimpleUploadedFile("openings.csv", LIST.encode())}
    assert client.post("/desk/openings/file/", form | many).status_code == 302
    assert [one.title for one in Approval.objects.order_by("id")] == [
        "Open on 2026-09-15: cygnus-main, 250000 USD",
        "Open on 2026-09-15: 5 balances",
    ]


def _user(name: str) -> Any:
    person(name, "finance")
    return User.objects.get(username=name)


def test_a_list_is_looked_up_by_as_many_statements_whatever_its_length(nostros: dict[str, Any]) -> None:
    for n in range(24):
        register_counterparty(code=f"v{n}", name=f"Venue {n}", lei="", country="US", roles=["VENUE"])
        if n < 4:
            world.firm(f"c{n}", mode="PREFUNDED", instructions=())

    def listed(venues: int, firms: int) -> str:
        rows = [f"venue,v{n},{asset},1" for n in range(venues) for asset in ("USD", "BTC", "EUR")]
        return "\n".join(["account,owner,asset,amount", *rows, *(f"client,c{n}-main,USD,5" for n in range(firms))])

    ask("account,owner,asset,amount\nvenue,v0,ETH,1")  # the first of its kind reads more
    spent = []
    for text in (listed(1, 1), listed(24, 4)):
        with counted() as sent:
            ask(text)
        spent.append(sent())
    assert spent[0] == spent[1]
