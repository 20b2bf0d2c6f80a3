"""API keys: the file that ``manage.py create_api_key`` writes, read once."""

import json
import os
import re
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key


class KeyFileError(ValueError):
    """The key file is missing something or holds no Ed25519 key; the message names the file and the fault."""


@dataclass(frozen=True)
class Key:
    """A key id with the private half that never leaves this process."""

    key_id: str
    private: Ed25519PrivateKey = field(repr=False)
    client: str = ""
    scopes: tuple[str, ...] = ()


def load_key(path: str | Path) -> Key:
    """Read ``{"key_id", "private_key_pem", "client", "scopes"}``.

    :raises KeyFileError: unreadable, not JSON, a member missing, or not an Ed25519 key
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        private = load_pem_private_key(content["private_key_pem"].encode(), password=None)
        key_id, client, scopes = str(content["key_id"]), str(content.get("client", "")), tuple(content.get("scopes", ()))
    except KeyError as wrong:
        raise KeyFileError(f"{path}: {wrong} is missing") from None
    except (OSError, ValueError, TypeError, AttributeError) as wrong:
        raise KeyFileError(f"{path}: {wrong}") from wrong
    if not isinstance(private, Ed25519PrivateKey):
        raise KeyFileError(f"{path}: private_key_pem is not an Ed25519 key")
    return Key(key_id=key_id, private=private, client=client, scopes=scopes)


def public_key_of(key: Key) -> str:
    """The public half, 32 bytes in base64: what the desk is given."""
    return b64encode(key.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def new_key_file(path: Path) -> str:
    """Make a key in a new file that only its owner can read; its public half. It has no key id yet.

    :raises KeyFileError: the file exists or cannot be written
    """
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    _write(path, {"key_id": "", "private_key_pem": pem}, os.O_EXCL)
    return public_key_of(Key("", private))


def set_key_id(path: Path, key_id: str) -> None:
    """Write the id that the desk gave to a key into its file.

    :raises KeyFileError: not a key file, or not an id
    """
    if not re.fullmatch(r"ak_(test|live)_[A-Za-z0-9]{1,64}", key_id):
        raise KeyFileError(f"{key_id}: not a key id (ak_test_… or ak_live_…)")
    load_key(path)
    content = json.loads(path.read_text(encoding="utf-8"))
    beside = path.with_name(f"{path.name}.new")
    _write(beside, {**content, "key_id": key_id}, os.O_TRUNC)
    beside.replace(path)


def _write(path: Path, content: dict[str, object], how: int) -> None:
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | how, 0o600), "w", encoding="utf-8") as out:
            json.dump(content, out)
    except FileExistsError:
        raise KeyFileError(f"{path}: there is a file of this name") from None
    except OSError as wrong:
        raise KeyFileError(f"{path}: {wrong.strerror}") from None
