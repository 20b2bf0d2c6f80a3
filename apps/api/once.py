"""Idempotency of one request: its key, its effect, its events and its answer commit together (core.unit.Once)."""

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from apps.core import db, flights, ids
from apps.core.clock import DESK_NOW
from apps.core.errors import AppError
from apps.core.flights import Statement
from apps.events import operations as events

from . import problems
from .problems import IdempotencyInProgress, IdempotencyKeyReused
from .standing import Standing


@dataclass(frozen=True, slots=True)
class Answer:
    """What a mutation was answered, byte for byte."""

    status: int
    body: bytes
    replayed: bool = False


_CLAIM = f"SELECT {DESK_NOW}, core_claim(%s)"
# The gate is entered before the instant is read: who closes it later decides later, who has closed it decided before.
_CLAIM_AT_GATE = f"SELECT pg_try_advisory_xact_lock_shared(%s), {DESK_NOW}, core_claim(%s)"
_STORED = "SELECT request_hash, status, body FROM core_storedanswer WHERE scope_id = %s AND key = %s"


class RequestOnce:
    """Made by a view for one request and handed to a use case as `once`.

    :param scope_id: the client (or staff member) in whose name keys are unique
    :param key: the idempotency key
    :param request_hash: of method, path, query and body: the same key for another request is refused
    :param render: what the use case returned → status and document
    :param reference: the client's own id of what it asks for, found again by `by-client-id`
    :param gate: an advisory lock to share from the instant of receipt: what would overtake this request waits for it (rfqs.queries.gate)
    :param told_once: members of the answer that are secret: told now, kept as null
    :param house: what the event of a refusal keeps for the desk
    :param standing: of a key that was let in by what is known of it: read again with the instant of receipt
    :param meanwhile: done while the first flight is under way, before anything of it is heard; what it brings are arguments of the use case
    """

    def __init__(
        self,
        *,
        scope_id: UUID,
        key: str,
        request_hash: bytes,
        operation: str,
        render: Callable[[Any], tuple[int, dict[str, Any]]],
        reference: str = "",
        public: bool = True,
        gate: int | None = None,
        told_once: Collection[str] = (),
        house: Mapping[str, Any] | None = None,
        standing: Standing | None = None,
        meanwhile: Callable[[], Mapping[str, Any]] = dict,
    ) -> None:
        self.standing, self.meanwhile = standing, meanwhile
        self.brought: Mapping[str, Any] = {}
        self.scope_id, self.key, self.request_hash, self.operation = scope_id, key, request_hash, operation
        self.render, self.reference, self.public, self.gate, self.told_once = render, reference, public, gate, told_once
        self.house = dict(house or {})
        self._found: list[tuple[Any, ...]] = []

    def begin(self) -> datetime:
        lock = int.from_bytes(hashlib.sha256(self.scope_id.bytes + self.key.encode()).digest()[:8], signed=True)
        running = {"idempotency_in_progress": IdempotencyInProgress("ask again in a second")}
        claim = Statement(_CLAIM, (lock,), running) if self.gate is None else Statement(_CLAIM_AT_GATE, (self.gate, lock), running)
        # One flight: what was stored is read with a snapshot of its own, taken once the key is ours.
        first = [claim, Statement(_STORED, (self.scope_id, self.key))]
        if self.standing is not None:
            first.insert(0, self.standing.reads)
        *standing, [(*_, received, _)], self._found = flights.fly(first, meanwhile=self._bring)
        if self.standing is not None:
            self.standing.require(standing[0])
        moment: datetime = received
        return moment

    def _bring(self) -> None:
        brought = self.brought = self.meanwhile()
        self.meanwhile = lambda: brought  # it spends: once, also where a sandbox begins a second use case with this

    def stored(self) -> Answer | None:
        row = self._found[0] if self._found else None
        if row is None:
            return None
        if bytes(row[0]) != self.request_hash:
            raise IdempotencyKeyReused("a new request needs a new key")
        return Answer(row[1], bytes(row[2]), replayed=True)

    def store(self, result: Any) -> Answer:
        status, document = self.render(result)
        kept = self._keep(status, document | dict.fromkeys(self.told_once))
        return Answer(status, orjson.dumps(document)) if self.told_once else kept

    def refuse(self, no: AppError) -> None:
        told = {"operation": self.operation, "reference": self.reference, "code": no.code, "detail": no.detail}
        events.record(
            f"{self.operation}.refused",
            subject_type="request",
            subject_id=ids.uuid7(),
            client_id=self.scope_id if self.public else None,
            public=told if self.public else None,
            house=self.house if self.public else self.house | told,
        )
        events.record_fact_of(refusal=no)

    def store_refusal(self, no: AppError) -> Answer:
        return self._keep(no.status, problems.of_error(no))

    def _keep(self, status: int, document: dict[str, Any]) -> Answer:
        body = orjson.dumps(document)
        db.send(
            "INSERT INTO core_storedanswer (id, scope_id, key, request_hash, status, body, reference, operation, recorded_at) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, clock_timestamp())",
            (ids.uuid7(), self.scope_id, self.key, self.request_hash, status, body, self.reference, self.operation),
        )
        return Answer(status, body)


def request_hash(method: str, path: str, query: str, body: bytes) -> bytes:
    return hashlib.sha256(b"\0".join((method.encode(), path.encode(), query.encode(), body))).digest()
