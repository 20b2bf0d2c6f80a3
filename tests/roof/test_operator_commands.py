"""What an operator types: seed_demo, create_api_key, revoke_api_key, desk_clock. Clear words, exit codes, nothing half done."""

import base64
import json
import os
import stat
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.test import RequestFactory
from stdnum import bitcoin, iban, lei
from stdnum.us import rtn

from apps.approvals import queries as approvals
from apps.clients import queries as clients
from apps.clients.models import Account, ApiKey, Counterparty, Ssi
from apps.core import clock, db
from apps.instruments import queries as instruments
from apps.ledger import queries as ledger
from apps.settlement.models import Nostro
from apps.users.models import User
from apps.workflows.accept_quote import accept_quote
from apps.workflows.request_quote import request_quote
from flowdesk import demo_firms
from tests import world
from tests.people import staff

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _quick_hashes(settings: Any) -> Iterator[None]:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    yield


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def refused(*words: str) -> CommandError:
    with pytest.raises(CommandError) as no:
        run(*words)
    return no.value


def rows() -> dict[str, int]:
    tables = ("users_user", "clients_counterparty", "clients_account", "clients_terms", "clients_ssi", "credit_line", "settlement_nostro",
              "ledger_ledgertransaction", "compliance_listentry", "clients_member")  # fmt: skip
    return {table: db.one(f"SELECT count(*) FROM {table}")[0] for table in tables}


# --- seed_demo ----------------------------------------------------------------------------------------------------------
def test_seeding_twice_changes_nothing_the_second_time() -> None:
    run("seed_demo")
    before, events = rows(), db.one("SELECT count(*) FROM events_event")
    assert before["users_user"] == 13
    assert before["clients_account"] == 3
    assert "0 staff" in run("seed_demo")
    assert rows() == before
    assert db.one("SELECT count(*) FROM events_event") == events


def test_a_seed_that_was_cut_short_is_completed() -> None:
    from apps.workflows.manage_staff import register_staff
    from apps.workflows.onboard_client import onboard_client

    register_staff(username="rita", name="Rita Risk", roles=["risk"])
    onboard_client(
        applicant=demo_firms.CLIENTS[0],
        entity_id=instruments.get_entity("flowdesk").id,
        book_id=instruments.get_book("main").id,
        approved_by=None,
    )
    run("seed_demo")
    assert rows()["users_user"] == 13
    assert rows()["clients_account"] == 3


def test_every_login_has_its_one_role_and_the_demo_password(settings: Any) -> None:
    run("seed_demo")
    assert len(settings.DEMO_LOGINS) == 13
    for username, password, role in settings.DEMO_LOGINS:
        user = authenticate(RequestFactory().post("/login/"), username=username, password=password)
        assert isinstance(user, User), username
        assert user.roles == {role}
        assert user.is_staff
    assert not User.objects.filter(is_superuser=True).exists()


def test_clients_stand_approved_under_their_terms_with_lines_and_instructions() -> None:
    run("seed_demo")
    modes = {"acme": ("CREDIT", 25_000_000), "borealis": ("CLIENT_FIRST", 10_000_000), "cygnus": ("PREFUNDED", None)}
    for code, (mode, line) in modes.items():
        account = clients.get_default_account(code)
        terms = clients.get_terms(account.id, clock.desk_now())
        assert (account.status, account.owner.status, terms.mode) == ("APPROVED", "APPROVED", mode)
        found = db.run("SELECT measure, amount FROM credit_line WHERE subject_id = %s ORDER BY measure", (account.owner_id,))
        measures = {"CREDIT": ["PRE_SETTLEMENT", "SETTLEMENT"], "CLIENT_FIRST": ["PRE_SETTLEMENT"], "PREFUNDED": []}[mode]
        assert found == [(measure, line) for measure in measures]
        assert {asset for (asset,) in Ssi.objects.filter(account=account, status="ACTIVE").values_list("asset_code")} == {
            "USD",
            "EUR",
            "BTC",
            "ETH",
        }
    cygnus = clients.get_terms(clients.get_default_account("cygnus").id, clock.desk_now())
    assert (cygnus.fee_bps, cygnus.fee_mode) == (2, "ADDED")
    assert Counterparty.objects.get(code="northgate").roles == ["VENUE"]
    assert Counterparty.objects.get(code="primelp").status == "APPROVED"


def test_identifiers_have_right_check_digits() -> None:
    run("seed_demo")
    for code in Counterparty.objects.values_list("lei", flat=True):
        assert lei.is_valid(code), code
    places = [(s.rail_code, s.address) for s in Ssi.objects.all()] + [(n.rail_id, n.address) for n in Nostro.objects.all()]
    assert len(set(places)) == len(places) == 12 + 9
    for rail, address in places:
        if rail == "bitcoin-btc":
            assert bitcoin.is_valid(address), address
        elif rail == "ethereum-eth":
            assert len(address) == 42
            assert int(address, 16)
        elif rail == "fedwire-usd":
            assert rtn.is_valid(address.partition("-")[0]), address
        else:
            assert iban.is_valid(address), address


def test_our_accounts_open_with_capital_and_the_books_balance() -> None:
    run("seed_demo")
    identities = ledger.list_identity(instruments.get_entity("flowdesk").id)
    assert {one.asset for one in identities} == {"USD", "EUR", "GBP", "BTC", "ETH"}
    assert all(one.holds for one in identities)


def test_a_seeded_client_can_deal() -> None:
    run("seed_demo")
    from apps.rfqs.operations import Ask
    from apps.rfqs.states import Side

    trader = world.actor_of(Account.objects.select_related("owner").get(owner__code="acme"), "Trader")
    ask = Ask("r1", "BTC-USD", Side.BUY, world.D(2), None, "", 10_000, 60_000)
    depth = world.depth(at=clock.desk_now())
    _, quote, _ = request_quote(actor=trader, account_id=None, ask=ask, depth=depth, usd_per_quote=world.D(1), elapsed_us=lambda: 1)
    assert accept_quote(actor=trader, quote_id=quote.id, client_order_id="o1", side=Side.BUY, price=quote.buy_price)[2] == "OPEN"


def test_production_is_never_seeded(settings: Any) -> None:
    settings.ENVIRONMENT = "production"
    no = refused("seed_demo")
    assert "refused" in str(no)
    assert "production" in str(no)
    assert rows()["users_user"] == 0


def test_a_sandbox_without_demo_password_gets_staff_that_cannot_sign_in(settings: Any) -> None:
    settings.ENVIRONMENT, settings.DEMO_PASSWORD = "sandbox", ""
    run("seed_demo")
    assert rows()["users_user"] == 13
    assert not any(user.has_usable_password() for user in User.objects.all())


# --- create_api_key -----------------------------------------------------------------------------------------------------
@pytest.fixture
def acme() -> world.Firm:
    return world.firm("acme")


def test_the_file_holds_the_private_half_of_the_stored_key_for_its_owner_alone(acme: world.Firm, tmp_path: Path) -> None:
    out = tmp_path / "key.json"
    old = os.umask(0)
    try:
        said = run("create_api_key", "--client", "acme", "--scopes", "read,quote,trade", "--out", str(out))
    finally:
        os.umask(old)
    content = json.loads(out.read_text())
    assert set(content) == {"key_id", "private_key_pem", "client", "scopes"}
    assert (content["client"], content["scopes"]) == ("acme", ["read", "quote", "trade"])
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    grant = clients.find_key(content["key_id"])
    assert grant is not None
    assert grant.cidrs == ("127.0.0.0/8", "::1/128")
    private = load_pem_private_key(content["private_key_pem"].encode(), None)
    assert isinstance(private, Ed25519PrivateKey)
    assert private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw) == grant.public_key
    assert content["key_id"] in said
    assert "PRIVATE" not in said


def test_an_existing_file_is_kept_and_no_key_made_unless_forced(acme: world.Firm, tmp_path: Path) -> None:
    out = tmp_path / "key.json"
    out.write_text("mine")
    no = refused("create_api_key", "--client", "acme", "--out", str(out))
    assert "it exists; --force replaces it" in str(no)
    assert out.read_text() == "mine"
    assert not ApiKey.objects.exists()
    run("create_api_key", "--client", "acme", "--out", str(out), "--force")
    assert json.loads(out.read_text())["key_id"] == ApiKey.objects.get().key_id
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [out]


def test_a_link_at_the_place_of_the_file_is_not_followed(acme: world.Firm, tmp_path: Path) -> None:
    target, out = tmp_path / "target", tmp_path / "key.json"
    out.symlink_to(target)
    refused("create_api_key", "--client", "acme", "--out", str(out))
    assert not target.exists()
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_refused_key_leaves_no_file_and_keeps_the_old_one(acme: world.Firm, tmp_path: Path, force: list[str]) -> None:
    out = tmp_path / "key.json"
    if force:
        out.write_text("old")
    no = refused("create_api_key", "--client", "acme", "--scopes", "read,steal", "--out", str(out), *force)
    assert str(no).startswith("bad_scope: steal")
    assert [path.read_text() for path in tmp_path.iterdir()] == (["old"] if force else [])
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--client", "nobody"], "not_found: no counterparty nobody"),
        (["--client", "acme", "--member", "Mallory"], "not_found: no member Mallory"),
        (["--client", "acme", "--scopes", ","], "bad_scope"),
        (["--client", "acme", "--scopes", "trade", "--cidr", "all"], "bad_allow_list"),
        (["--client", "acme", "--days", "400"], "bad_lifetime"),
        (["--client", "acme", "--out", "/nowhere/at/all/key.json"], "No such file or directory"),
        (["--client", "acme", "--out", "/proc/key.json"], "--out /proc/key.json"),
        (["--client", "acme", "--out", "/"], "Is a directory"),
    ],
)
def test_bad_input_is_told_by_name_and_makes_no_key(acme: world.Firm, tmp_path: Path, words: list[str], said: str) -> None:
    out = [] if "--out" in words else ["--out", str(tmp_path / "key.json")]
    assert said in str(refused("create_api_key", *words, *out))
    assert not ApiKey.objects.exists()
    assert list(tmp_path.iterdir()) == []


def test_a_key_of_the_clients_own_pair_has_its_accounts_and_caps_and_no_private_half(acme: world.Firm, tmp_path: Path) -> None:
    public = base64.b64encode(bytes(range(32))).decode()
    caps = ["--cap-pairs", "BTC-USD,ETH-USD", "--cap-deal-usd", "1000000.00", "--cap-day-usd", "5000000"]
    words = ["create_api_key", "--client", "acme", "--scopes", "read,trade", "--cidr", "203.0.113.0/24", "--days", "30"]
    said = run(*words, "--public-key", public, "--account", acme.account.code, *caps)
    key = ApiKey.objects.get()
    assert (bytes(key.public_key), [one.code for one in key.accounts.all()]) == (bytes(range(32)), [acme.account.code])
    assert key.caps == {"pairs": ["BTC-USD", "ETH-USD"], "deal_usd": "1000000", "day_usd": "5000000"}
    assert (key.expires_at - key.created_at).days == 30
    assert key.key_id in said and "written" not in said
    assert str(refused(*words, "--public-key", public)).startswith("bad_public_key")
    out = tmp_path / "key.json"
    run(*words, "--public-key", base64.b64encode(bytes(32)).decode(), "--out", str(out))
    assert set(json.loads(out.read_text())) == {"key_id", "client", "scopes"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "--out"),
        (["--public-key", "AAAA"], "--public-key"),
        (["--out", "k", "--cap-deal-usd", "-1"], "--cap-deal-usd"),
        (["--out", "k", "--cap-day-usd", "0"], "--cap-day-usd: an amount above zero"),
        (["--out", "k", "--cap-pairs", "XXX-YYY"], "bad_cap: XXX-YYY"),
        (["--out", "k", "--cap-pairs", ","], "bad_cap"),
        (["--out", "k", "--account", "mallory-main"], "not_found: no account mallory-main of this client"),
        (["--out", "k", "--account", "nowhere"], "not_found: no account nowhere"),
    ],
)
def test_caps_accounts_and_public_halves_that_are_none_are_told(
    acme: world.Firm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    world.firm("mallory")
    assert said in str(refused("create_api_key", "--client", "acme", *words))
    assert not ApiKey.objects.exists()
    assert list(tmp_path.iterdir()) == []


def test_a_ninth_key_is_refused(acme: world.Firm, tmp_path: Path) -> None:
    for number in range(8):
        run("create_api_key", "--client", "acme", "--out", str(tmp_path / f"{number}.json"))
    assert "too_many_keys" in str(refused("create_api_key", "--client", "acme", "--out", str(tmp_path / "8.json")))
    assert len(list(tmp_path.iterdir())) == 8


def test_in_production_the_key_reads_only_and_compliance_is_asked(acme: world.Firm, tmp_path: Path, settings: Any) -> None:
    settings.ENVIRONMENT = "production"
    out = tmp_path / "key.json"
    words = ["create_api_key", "--client", "acme", "--scopes", "read,trade", "--out", str(out), "--cidr", "203.0.113.0/24"]
    no = refused(*words)
    assert no.returncode == 2
    assert "--requested-by" in str(no)
    staff("sam", "sales"), staff("ada", "admin")
    assert str(refused(*words, "--requested-by", "sam")).startswith("role_missing")
    assert str(refused(*words, "--requested-by", "nobody")).startswith("not_found")
    assert list(tmp_path.iterdir()) == []
    said = run(*words, "--requested-by", "ada")
    assert json.loads(out.read_text())["scopes"] == ["read"]
    assert ApiKey.objects.get().scopes == ["read"]
    [asked] = approvals.list_open()
    assert (asked.maker_name, asked.payload) == ("Ada", {"scopes": ["read", "trade"], "cidrs": ["203.0.113.0/24"]})
    assert str(asked.id) in said


def test_in_production_a_key_that_trades_names_its_networks(acme: world.Firm, tmp_path: Path, settings: Any) -> None:
    settings.ENVIRONMENT = "production"
    staff("ada", "admin")
    no = refused("create_api_key", "--client", "acme", "--scopes", "trade", "--out", str(tmp_path / "k"), "--requested-by", "ada")
    assert str(no).startswith("bad_allow_list")
    assert list(tmp_path.iterdir()) == []


# --- revoke_api_key, desk_clock -----------------------------------------------------------------------------------------
def test_a_revoked_key_is_ended(acme: world.Firm, tmp_path: Path) -> None:
    run("create_api_key", "--client", "acme", "--out", str(tmp_path / "key.json"))
    key_id = ApiKey.objects.get().key_id
    assert "revoked" in run("revoke_api_key", "--key-id", key_id)
    assert clients.find_key(key_id).revoked_at is not None  # type: ignore[union-attr]
    assert str(refused("revoke_api_key", "--key-id", "ak_test_0")) == "not_found: no key ak_test_0"


def test_the_desk_clock_is_shown_frozen_and_released() -> None:
    assert run("desk_clock", "freeze", "2026-09-15T14:00:00+02:00").strip() == "2026-09-15T12:00:00+00:00"
    assert run("desk_clock", "show").strip() == "2026-09-15T12:00:00+00:00"
    assert str(refused("desk_clock", "freeze", "2026-09-15T11:00:00Z")).startswith("clock_refused")
    for wrong in ("yesterday", "2026-09-15T12:00:00", "12:00", ""):
        assert refused("desk_clock", "freeze", wrong).returncode == 2
    assert run("desk_clock", "show").strip() == "2026-09-15T12:00:00+00:00"


def test_production_does_not_let_the_clock_be_set(settings: Any) -> None:
    settings.ENVIRONMENT = "production"
    for words in (["freeze", "2030-01-01T00:00:00Z"], ["release"]):
        assert str(refused("desk_clock", *words)).startswith("clock_refused")
    run("desk_clock", "show")
