"""The travel rule's network: how the other VASP is told, and how it tells us. settings.TRAVEL_NETWORK names the adapter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import orjson
import redis
from django.conf import settings
from django.utils.module_loading import import_string


@dataclass(frozen=True, slots=True)
class Reply:
    """:param status: ACCEPTED, REJECTED or NO_ANSWER"""

    status: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Inbound:
    """What a sending VASP tells of a transfer to us: `reference` is the transaction's; who it is, where the network knows that itself."""

    id: str
    address: str  # of our wallet
    reference: str
    payload: Any
    vasp_lei: str = ""
    vasp_name: str = ""


class Network(Protocol):
    def send(self, lei: str, message_id: str, payload: Mapping[str, Any]) -> Reply:
        """Tell a VASP once per id, however often it is called. Never raises for a lost answer: that is NO_ANSWER."""

    def inbox(self) -> Sequence[Inbound]:
        """What was told to us and is not answered yet."""

    def answer(self, message_id: str, *, accepted: bool, reason: str = "") -> None:
        """Our word on an inbound message; the same twice changes nothing."""


class ByList:
    """The default: VASPs that agreed in advance, or refused, by LEI in settings.TRAVEL_VASPS; of any other there is no answer."""

    def send(self, lei: str, message_id: str, payload: Mapping[str, Any]) -> Reply:
        said = settings.TRAVEL_VASPS.get(lei, "")
        return Reply(said, "by list") if said in {"ACCEPTED", "REJECTED"} else Reply("NO_ANSWER", "not on the list")

    def inbox(self) -> Sequence[Inbound]:
        return ()

    def answer(self, message_id: str, *, accepted: bool, reason: str = "") -> None:
        return None


class Simulated:
    """A network that misbehaves by script: REJECT, SILENT (never got it), LOSE (took it, no answer); it delivers everything twice."""

    def send(self, lei: str, message_id: str, payload: Mapping[str, Any]) -> Reply:
        doc = _read()
        if message_id in doc["told"]:
            return Reply(*doc["told"][message_id])
        what = doc["scripts"].pop(0) if doc["scripts"] else ""
        if what != "SILENT":
            doc["told"][message_id] = ["REJECTED", "beneficiary unknown"] if what == "REJECT" else ["ACCEPTED", ""]
        _write(doc)
        return Reply("NO_ANSWER", "no answer") if what in {"SILENT", "LOSE"} else Reply(*doc["told"][message_id])

    def inbox(self) -> Sequence[Inbound]:
        waiting = [Inbound(**one) for one in _read()["inbox"]]
        return [*waiting, *waiting]

    def answer(self, message_id: str, *, accepted: bool, reason: str = "") -> None:
        doc = _read()
        doc["answers"].append([message_id, accepted, reason])
        doc["inbox"] = [one for one in doc["inbox"] if one["id"] != message_id]
        _write(doc)

    # --- the other side's own doing -------------------------------------------------------------------------------------
    def script(self, *outcomes: str) -> None:
        doc = _read()
        doc["scripts"] += outcomes
        _write(doc)

    def tell(self, message_id: str, *, address: str, reference: str, payload: Any, **vasp: str) -> None:
        doc = _read()
        doc["inbox"].append({"id": message_id, "address": address, "reference": reference, "payload": payload, **vasp})
        _write(doc)

    def answers(self) -> list[list[Any]]:
        return list(_read()["answers"])

    def told(self) -> list[str]:
        """The ids of all messages that reached somebody."""
        return sorted(_read()["told"])


@cache
def _made(path: str) -> Network:
    made: Network = import_string(path)()
    return made


def network() -> Network:
    return _made(settings.TRAVEL_NETWORK)


@cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.VALKEY_URL, socket_timeout=5, socket_connect_timeout=5)


def _key() -> str:
    return f"{settings.BUS_PREFIX}sim:travel"


def _read() -> dict[str, Any]:
    raw: Any = _client().get(_key())
    return dict(orjson.loads(raw)) if raw else {"told": {}, "scripts": [], "inbox": [], "answers": []}


def _write(doc: dict[str, Any]) -> None:
    _client().set(_key(), orjson.dumps(doc))
