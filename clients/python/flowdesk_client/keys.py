"""API keys: the file that ``manage.py create_api_key`` writes, read once."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key


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
