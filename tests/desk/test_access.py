"""Who gets in where: by table, for every address of the desk, and a stranger for each."""

from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse

from apps.core import ids
from apps.desk.access import SCREENS
from apps.desk.views.rfqs import ACTS
from apps.users.models import User
from apps.users.rules import ROLES, SEES_TRADING
from tests.desk.day import PASSWORD, STAFF, Day

pytestmark = pytest.mark.django_db(transaction=True)

WHO = {role: name for name, (_, role) in reversed(STAFF.items())}
NOBODY = UUID(int=7)
ADDRESSES = {
    "home": ["/desk/", "/desk/search/?q=acme"],
    "rfqs": ["/desk/rfqs/", f"/desk/rfqs/{ids.encode('rfq', NOBODY)}/", f"/desk/rfqs/{ids.encode('rfq', NOBODY)}/ticket/"],
    "on-behalf": ["/desk/on-behalf/"],
    "blotter": [
        "/desk/blotter/",
        "/desk/blotter.csv",
        f"/desk/deals/{ids.encode('trd', NOBODY)}/",
        f"/desk/deals/{ids.encode('trd', NOBODY)}/confirmation.pdf",
    ],
    "unfinished": ["/desk/deals/"],
    "prices": ["/desk/prices/"],
    "pricing": ["/desk/pricing/", "/desk/pricing/BTC-USD/"],
    "position": ["/desk/position/"],
    "credit": ["/desk/credit/"],
    "statistics": ["/desk/statistics/"],
    "settlement": ["/desk/settlement/", "/desk/settlement/late/", f"/desk/settlement/payments/{ids.encode('ins', NOBODY)}/"],
    "adjustments": ["/desk/adjustments/"],
    "reconciliation": ["/desk/reconciliation/"],
    "closing": ["/desk/close/"],
    "openings": ["/desk/openings/"],
    "commissions": ["/desk/commissions/", "/desk/commissions/statement.csv"],
    "receipts": ["/desk/receipts/", f"/desk/receipts/{ids.encode('rcp', NOBODY)}/"],
    "treasury": ["/desk/treasury/"],
    "ssis": ["/desk/ssis/", f"/desk/ssis/{ids.encode('ssi', NOBODY)}/"],
    "coverage": ["/desk/coverage/"],
    "clients": ["/desk/clients/", "/desk/clients/nobody/"],
    "counterparties": ["/desk/counterparties/", "/desk/counterparties/nobody/"],
    "calendar": ["/desk/calendar/"],
    "alerts": ["/desk/alerts/", f"/desk/alerts/{ids.encode('alt', NOBODY)}/"],
    "travel": ["/desk/travel/", "/desk/travel/exceptions.csv"],
    "approvals": ["/desk/approvals/", f"/desk/approvals/{NOBODY}/"],
    "halts": ["/desk/halts/"],
    "keys": ["/desk/keys/", "/desk/keys/ak_test_0/"],
    "webhooks": ["/desk/webhooks/", f"/desk/webhooks/{ids.encode('whe', NOBODY)}/"],
}
FORMS = {
    "/desk/halts/throw/": {"scope": "all", "reason": "test"},
    f"/desk/halts/{NOBODY}/lift/": {},
    "/desk/halts/payments/lift/": {},
    "/desk/pricing/BTC-USD/set/": {"version": "1", "reason": "test"},
    "/desk/pricing/venues/set/": {"venue": "kraken", "taker_bps": "5"},
    "/desk/coverage/set/": {"account": "acme-main", "person_1": "sam", "share_1": "100"},
    "/desk/clients/ask/": {"code": "quasar"},
    "/desk/clients/acme/clear/": {"evidence": "x"},
    "/desk/clients/acme/member/": {"name": "x"},
    f"/desk/clients/acme/authority/{ids.encode('mem', NOBODY)}/": {"reason": "test"},
    "/desk/counterparties/ask/": {"code": "quasar"},
    "/desk/counterparties/nobody/terms/": {"reason": "test"},
    "/desk/counterparties/nobody/place/": {"address": "x"},
    "/desk/calendar/ask/": {"what": "USD", "day": "2026-09-21", "to": "closed", "reason": "test"},
    "/desk/settlement/release/": {"instruction": ids.encode("ins", NOBODY)},
    **{
        f"/desk/settlement/sets/{ids.encode('set', NOBODY)}/{act}/": {"reason": "test", "evidence": "test"}
        for act in ("agree", "dispute", "abort")
    },
    "/desk/travel/wallets/": {"wallet": "x", "evidence": "test"},
    f"/desk/travel/receipts/{ids.encode('rcp', NOBODY)}/": {"name": "test", "evidence": "test"},
    f"/desk/settlement/payments/{ids.encode('ins', NOBODY)}/replace/": {"fee": "1", "reason": "test"},
    "/desk/settlement/bands/": {"rail": "bitcoin-btc", "reason": "test"},
    f"/desk/settlement/payments/{ids.encode('ins', NOBODY)}/recall/": {"reason": "test"},
    f"/desk/settlement/payments/{ids.encode('ins', NOBODY)}/end/": {"outcome": "PAID", "evidence": "test"},
    f"/desk/settlement/receipts/{ids.encode('rcp', NOBODY)}/": {"decision": "freeze", "reason": "test"},
    f"/desk/approvals/{NOBODY}/decide/": {"decision": "approve"},
    "/desk/keys/ask/": {"client": "acme", "member": ids.encode("mem", NOBODY), "public_key": "x", "scope": "read"},
    **{f"/desk/keys/ak_test_0/{act}/": {"public_key": "x", "scope": "read"} for act in ("widen", "rotate", "revoke")},
    f"/desk/members/{ids.encode('mem', NOBODY)}/close/": {},
    f"/desk/webhooks/{ids.encode('whe', NOBODY)}/{ids.encode('evt', NOBODY)}/resend/": {},
    **{
        f"/desk/deals/{ids.encode('trd', NOBODY)}/{act}/": {"version": "1", "reason": "test"}
        for act in ("correct", "cancel", "affirm", "dispute", "dispute/take", "dispute/reject", "dispute/withdraw")
    },
    f"/desk/rfqs/{ids.encode('rfq', NOBODY)}/send/": {"rate_buy": "1"},
    "/desk/on-behalf/": {"amount": "1"},
    **{f"/desk/rfqs/{ids.encode('rfq', NOBODY)}/{act}/": {"reason": "test", "code": "pass"} for act in ACTS},
}


def test_every_address_is_in_the_table() -> None:
    assert set(ADDRESSES) == set(SCREENS)


@pytest.mark.parametrize("address", [a for many in ADDRESSES.values() for a in many])
def test_a_stranger_is_sent_to_the_sign_in(client: Client, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/login/?next=")


@pytest.mark.parametrize("address", FORMS)
def test_a_stranger_cannot_send_a_form(client: Client, address: str) -> None:
    assert client.post(address, FORMS[address])["Location"].startswith("/login/?next=")


def test_a_fragment_asked_for_after_the_session_ended_leads_the_whole_page_to_the_sign_in(client: Client) -> None:
    answer = client.get("/desk/rfqs/", headers={"HX-Request": "true", "HX-Target": "live"})
    assert answer.status_code == 200
    assert answer["HX-Redirect"].startswith("/login/")
    assert answer.content == b""


def test_each_role_opens_its_screens_and_no_other(enter) -> None:  # type: ignore[no-untyped-def]
    for role in ROLES:
        client = enter(WHO[role])
        for screen, (address, *_) in ADDRESSES.items():
            answer = client.get(address)
            assert answer.status_code == (200 if role in SCREENS[screen].roles else 403), (role, screen)
        menu = client.get("/desk/").content.decode()
        for screen in SCREENS.values():
            assert (f'href="{reverse(f"desk:{screen.name}")}"' in menu.split("</nav>")[0]) is (role in screen.roles), (role, screen.name)


def test_staff_without_a_role_and_people_who_are_no_staff_see_nothing(client: Client, staff: dict[str, User]) -> None:
    bare = User.objects.create_user("bare", password=PASSWORD, is_staff=True)
    outsider = User.objects.create_user("outsider", password=PASSWORD)
    boss = User.objects.create_superuser("boss", password=PASSWORD)
    for user in (bare, outsider, boss):
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        for address in ("/desk/", "/desk/blotter/", "/desk/halts/"):
            assert client.get(address).status_code == 403, (user.username, address)


def test_an_id_that_is_none_is_not_found(enter, day: Day) -> None:  # type: ignore[no-untyped-def]
    client = enter("olga")
    for address in (
        "/desk/deals/trd_nothing/",
        f"/desk/deals/{ids.encode('trd', NOBODY)}/",
        f"/desk/deals/{ids.encode('rfq', day.deal.rfq_id)}/",
        "/desk/rfqs/zzz/",
        f"/desk/approvals/{NOBODY}/",
    ):
        answer = client.get(address)
        assert answer.status_code == 404, address
        assert b"no such" in answer.content


def test_what_compliance_alone_checks_is_not_seen_by_sales_and_traders(enter, day: Day, staff: dict[str, User]) -> None:  # type: ignore[no-untyped-def]
    from tests.desk.day import ask_approval

    secret = ask_approval(maker=staff["oscar"].as_actor(), title="Freeze the money of Nemo", roles=["compliance"], kind="receipt")
    seen = {"carl": True, "audrey": True, "oscar": True, "sam": False, "tara": False, "olga": False, "rita": False}
    for name, may in seen.items():
        client = enter(name)
        assert (b"money of Nemo" in client.get("/desk/approvals/").content) is may, name
        assert client.get(f"/desk/approvals/{secret.id}/").status_code == (200 if may else 404), name


def test_the_sign_in_takes_staff_to_the_desk_and_out_again_by_post(client: Client, staff: dict[str, User]) -> None:
    assert client.get("/")["Location"] == "/desk/"
    assert client.post("/login/", {"username": "tara", "password": PASSWORD})["Location"] == "/desk/"
    assert client.get("/desk/").status_code == 200
    assert client.get("/logout/").status_code == 405
    assert client.post("/logout/")["Location"] == "/login/"
    assert client.get("/desk/").status_code == 302


def test_five_wrong_passwords_shut_the_door_for_that_name(client: Client, staff: dict[str, User]) -> None:
    for _ in range(4):
        answer = client.post("/login/", {"username": "tara", "password": "wrong"})
        assert answer.status_code == 200
        assert b"is wrong" in answer.content
    assert client.post("/login/", {"username": "tara", "password": "wrong"}).status_code == 429
    shut = client.post("/login/", {"username": "tara", "password": PASSWORD})
    assert shut.status_code == 429
    assert b"Locked out" in shut.content
    assert client.get("/desk/").status_code == 302
    assert client.post("/login/", {"username": "olga", "password": PASSWORD}).status_code == 302


def test_demo_logins_are_told_only_in_a_demo(client: Client, settings) -> None:  # type: ignore[no-untyped-def]
    settings.DEMO_LOGINS = (("tara", "secret-of-the-demo", "trader"),)
    assert b"secret-of-the-demo" in client.get("/login/").content
    settings.ENVIRONMENT = "production"
    assert b"secret-of-the-demo" not in client.get("/login/").content


def test_the_admins_own_sign_in_is_never_shown(client: Client) -> None:
    assert client.get("/admin/login/?next=/admin/rfqs/")["Location"] == "/login/?next=%2Fadmin%2Frfqs%2F"
    assert client.get("/admin/")["Location"].startswith("/admin/login/")


def test_trading_screens_follow_the_roles_of_the_users_app() -> None:
    assert SCREENS["rfqs"].roles == SEES_TRADING
    assert not SCREENS["settlement"].roles & {"sales", "trader"}
