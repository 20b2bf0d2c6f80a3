"""Keys of quote receipts: their file, their rows, and how one takes over from another."""

import base64
import io
import json
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import IntegrityError, InternalError, ProgrammingError, transaction
from flowdesk_client import ReceiptInvalid, verify_receipt
from joserfc import jws as independent
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey

from apps.core import db, jws, signing_keys

FACTS = {"quote_id": "quo_1", "buy": {"price": "20004.12"}}


@pytest.fixture
def keys_file(tmp_path: Path, settings: object) -> Path:
    path = tmp_path / "keys" / "signing.json"
    settings.QUOTE_SIGNING_KEYS = path  # type: ignore[attr-defined]
    return path


def command(*args: str) -> str:
    out = io.StringIO()
    call_command("signing_keys", *args, stdout=out)
    return out.getvalue()


def public_set() -> dict[str, object]:
    return {"keys": [jws.public_jwk(x) for _, x, _ in signing_keys.list_published()]}


def test_the_example_of_rfc_8037() -> None:
    """Appendix A.2 to A.4: key, thumbprint and signature to the last character."""
    private = base64.urlsafe_b64decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
    key = jws._key_of(jws.Ed25519PrivateKey.from_private_bytes(private))
    assert key.x == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert key.kid == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    signed = jws.Signer(jws.b64(b'{"alg":"EdDSA"}') + ".", key.private).sign(b"Example of Ed25519 signing")
    assert signed == (
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    )


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # RFC 9864 renames it; every library knows the name of RFC 8037
def test_an_independent_library_verifies_and_finds_every_changed_character() -> None:
    key = jws.new_key()
    signed = key.signer("quote-receipt").sign(json.dumps(FACTS).encode())
    theirs = KeySet([OKPKey.import_key({k: v for k, v in jws.public_jwk(key.x).items() if k != "use"})])
    read = independent.deserialize_compact(signed, theirs, algorithms=["EdDSA"])
    assert json.loads(read.payload) == FACTS
    assert read.headers() == {"alg": "EdDSA", "kid": key.kid, "typ": "quote-receipt"}
    assert verify_receipt(signed, {"keys": [jws.public_jwk(key.x)]}) == FACTS
    refused = 0
    for at, old in enumerate(signed[:-1]):  # the last character of a signature holds two bits that mean nothing
        changed = f"{signed[:at]}{'A' if old != 'A' else 'B'}{signed[at + 1 :]}"
        with pytest.raises(ReceiptInvalid):
            verify_receipt(changed, {"keys": [jws.public_jwk(key.x)]})
        with pytest.raises((JoseError, ValueError)):
            independent.deserialize_compact(changed, theirs, algorithms=["EdDSA"])
        refused += 1
    assert refused == len(signed) - 1


@pytest.mark.parametrize("other", ["", "a.b", "a.b.c.d", "…..", "e30.e30.e30", None, 7])
def test_what_is_no_receipt_is_refused_by_the_client_library(other: object) -> None:
    with pytest.raises(ReceiptInvalid):
        verify_receipt(other, {"keys": []})  # type: ignore[arg-type]


def test_a_receipt_of_another_key_says_that_the_set_may_be_old() -> None:
    signed = jws.new_key().signer("quote-receipt").sign(b"{}")
    with pytest.raises(ReceiptInvalid) as no:
        verify_receipt(signed, {"keys": [jws.public_jwk(jws.new_key().x)]})
    assert no.value.unknown_key


def test_a_signature_for_another_purpose_is_no_receipt() -> None:
    key = jws.new_key()
    with pytest.raises(ReceiptInvalid):
        verify_receipt(key.signer("something-else").sign(b"{}"), {"keys": [jws.public_jwk(key.x)]})


# --- the file -----------------------------------------------------------------------------------------------------------
def test_the_file_is_made_once_and_only_its_owner_reads_it(keys_file: Path) -> None:
    [made] = signing_keys.list_keys()
    assert keys_file.stat().st_mode & 0o777 == 0o600
    assert [key.kid for key in signing_keys.list_keys()] == [made.kid]
    jws.write_keys(keys_file, [jws.new_key()], fresh=True)  # a second process that also found none
    assert [key.kid for key in signing_keys.list_keys()] == [made.kid]
    assert list(keys_file.parent.iterdir()) == [keys_file]


def test_production_makes_no_key_of_its_own(keys_file: Path, settings: object) -> None:
    settings.ENVIRONMENT = "production"  # type: ignore[attr-defined]
    with pytest.raises(jws.BadKeyFile):
        signing_keys.sign_receipt(b"{}")
    assert not keys_file.exists()


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"keys": []}', '{"keys": [{"kty": "RSA", "crv": "Ed25519", "d": "AA"}]}',
     '{"keys": [{"kty": "OKP", "crv": "Ed25519", "d": "AA"}]}', '{"keys": [7]}'],
)  # fmt: skip
def test_a_file_that_is_none_is_named_with_its_fault(keys_file: Path, content: str) -> None:
    keys_file.parent.mkdir()
    keys_file.write_text(content)
    keys_file.chmod(0o600)
    with pytest.raises(jws.BadKeyFile, match=r"signing\.json"):
        signing_keys.list_keys()


def test_a_file_that_others_may_read_is_refused(keys_file: Path) -> None:
    signing_keys.list_keys()
    keys_file.chmod(0o640)
    with pytest.raises(jws.BadKeyFile, match="chmod 600"):
        signing_keys.list_keys()


def test_the_deployment_check_wants_a_named_file(keys_file: Path, settings: object) -> None:
    settings.QUOTE_SIGNING_KEYS_NAMED = ""  # type: ignore[attr-defined]
    assert [e.id for e in signing_keys.check_signing_keys(None)] == ["flowdesk.E001"]
    settings.QUOTE_SIGNING_KEYS_NAMED, settings.ENVIRONMENT = str(keys_file), "production"  # type: ignore[attr-defined]
    assert [e.id for e in signing_keys.check_signing_keys(None)] == ["flowdesk.E002"]
    jws.write_keys(keys_file, [jws.new_key()])
    assert signing_keys.check_signing_keys(None) == []


# --- rows and rotation --------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_rotation_leaves_no_receipt_that_cannot_be_verified(keys_file: Path) -> None:
    command("add")
    first = signing_keys.list_keys()[0]
    old = signing_keys.sign_receipt(json.dumps(FACTS).encode())
    before = public_set()
    assert "signs" in command("add")
    second = signing_keys.list_keys()[1]
    assert verify_receipt(signing_keys.sign_receipt(b"{}"), before) == {}, "a new key waits"
    with pytest.raises(CommandError, match="use another one first"):
        command("drop", f"--kid={first.kid}")
    command("use", f"--kid={second.kid[:8]}")
    new = signing_keys.sign_receipt(json.dumps(FACTS).encode())
    assert json.loads(base64.urlsafe_b64decode(new.split(".")[0] + "==="))["kid"] == second.kid, "the file is read again by itself"
    with pytest.raises(ReceiptInvalid):
        verify_receipt(new, {"keys": [jws.public_jwk(first.x)]})
    assert "verifies only" in command("drop", f"--kid={first.kid}")
    assert [key.kid for key in signing_keys.list_keys()] == [second.kid]
    assert verify_receipt(old, public_set()) == verify_receipt(new, public_set()) == FACTS


@pytest.mark.django_db
def test_a_process_with_keys_of_its_own_publishes_them_before_it_is_ready(keys_file: Path) -> None:
    kids = {key.kid for key in signing_keys.list_keys()}
    assert not kids & {kid for kid, _, _ in signing_keys.list_published()}
    assert signing_keys.why_not_published() is None
    assert signing_keys.why_not_published() is None
    assert kids <= {kid for kid, _, _ in signing_keys.list_published()}
    keys_file.write_text("{}")
    assert signing_keys.why_not_published() == "the key of quote receipts cannot be read"


@pytest.mark.django_db
@pytest.mark.parametrize("sql", ["UPDATE core_publishedkey SET x = 'other'", "DELETE FROM core_publishedkey", "TRUNCATE core_publishedkey"])
def test_a_published_key_stays(keys_file: Path, sql: str) -> None:
    command("publish")
    with pytest.raises((IntegrityError, InternalError, ProgrammingError)), transaction.atomic():
        db.run(sql)
