"""A form sent twice acts once: its hidden UUID is the idempotency key, kept with the effect it had (core.unit.Once)."""

import hashlib
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.http import HttpRequest

from apps.core import db, ids
from apps.core.actor import Actor
from apps.core.errors import AppError, Conflict, Rejected
from apps.events import operations as events


class StillRunning(Conflict):
    code, title, retry = "idempotency_in_progress", "The same form is being carried out", "after"


class FormChanged(Rejected):
    code, title = "idempotency_key_reused", "This form was sent before with other content"


class FormIncomplete(Rejected):
    """The hidden key is missing or no UUID: the form is not one of ours."""

    code, title = "form_incomplete", "The form is incomplete"


class Refused(AppError):
    """The stored refusal of a form, told again."""

    def __init__(self, status: int, code: str, title: str, detail: str, pointer: str = "") -> None:
        super().__init__(detail, **({"pointer": pointer} if pointer else {}))
        self.status, self.code, self.title = status, code, title  # type: ignore[misc]


class FormOnce:
    """Handed to a use case as `once` by a view that carries out a form; its answer is one sentence for the person who sent it."""

    def __init__(self, request: HttpRequest, actor: Actor, *, operation: str, tell: Callable[[Any], str]) -> None:
        assert actor.id is not None
        try:
            self.key = str(UUID(request.POST.get("once", "")))
        except ValueError:
            raise FormIncomplete("its hidden key is missing; load the page again") from None
        self.scope_id, self.operation, self.tell = actor.id, operation, tell
        self.brought: dict[str, Any] = {}
        sent = sorted((name, values) for name, values in request.POST.lists() if name != "csrfmiddlewaretoken")
        self.hash = hashlib.sha256(orjson.dumps([request.path, sent])).digest()

    def begin(self) -> datetime:
        lock = int.from_bytes(hashlib.sha256(self.scope_id.bytes + self.key.encode()).digest()[:8], signed=True)
        received, claimed = db.one("SELECT desk_now(), pg_try_advisory_xact_lock(%s)", (lock,))
        if not claimed:
            raise StillRunning("wait a second and look at the page again")
        moment: datetime = received
        return moment

    def stored(self) -> str | None:
        row = db.first(
            "SELECT request_hash, status, body FROM core_storedanswer WHERE scope_id = %s AND key = %s", (self.scope_id, self.key)
        )
        if row is None:
            return None
        if bytes(row[0]) != self.hash:
            raise FormChanged("load the page again and send it once")
        told = orjson.loads(bytes(row[2]))
        if row[1] >= 400:
            raise Refused(row[1], told["code"], told["title"], told["detail"], told.get("pointer", ""))
        return str(told["told"])

    def store(self, result: Any) -> str:
        told = self.tell(result)
        self._keep(200, {"told": told})
        return told

    def refuse(self, no: Conflict | Rejected) -> None:
        house = {"operation": self.operation, "code": no.code, "detail": no.detail}
        events.record(f"{self.operation}.refused", subject_type="request", subject_id=ids.uuid7(), house=house)
        events.record_fact_of(refusal=no)

    def store_refusal(self, no: Conflict | Rejected) -> Refused:
        pointer = str(no.extra.get("pointer", ""))
        self._keep(no.status, {"code": no.code, "title": no.title, "detail": no.detail, "pointer": pointer})
        return Refused(no.status, no.code, no.title, no.detail, pointer)

    def _keep(self, status: int, document: dict[str, str]) -> None:
        db.run(
            "INSERT INTO core_storedanswer (id, scope_id, key, request_hash, status, body, reference, operation, recorded_at) "
            "VALUES (%s, %s, %s, %s, %s, %s, '', %s, clock_timestamp())",
            (ids.uuid7(), self.scope_id, self.key, self.hash, status, orjson.dumps(document), self.operation),
        )


def carry_out(once: FormOnce, use_case: Callable[..., Any], **kw: Any) -> str:
    """Run the use case for this form.

    :return: the sentence to show
    :raises AppError: refused, now or when it was first sent
    """
    answer = use_case(once=once, **kw)
    if isinstance(answer, Refused):
        raise answer
    return str(answer)


def new_key() -> str:
    return str(uuid.uuid4())
