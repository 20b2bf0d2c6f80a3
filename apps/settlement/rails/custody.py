"""A custodian over HTTPS: withdrawals by key, deposits, a statement (docs/custodians.md). Its people may refuse what it has taken on.

What is no clear answer is UNKNOWN: a time-out, a 5xx, what cannot be read, what something before it says (401, 403, 404, HTML). REJECTED is
only what it refuses in its own words: 400 or 422 with a JSON `code`.
"""

import logging
import os
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import quote

import httpx
import orjson
from django.conf import settings

from apps.settlement.rules import custody
from apps.settlement.rules.custody import BadAnswer

from .base import Answer, Incoming, Outcome, Payment, Place, Silence, Statement
from .deadline import transport, within

log = logging.getLogger(__name__)

DEADLINE_S, ANSWER_BYTES, PAGE = 30, 4 * 1024 * 1024, 500  # well below the two minutes after which a sender counts as dead
REFUSED = {400, 422}  # with a code: it was looked at and not taken


class NoAnswer(Exception):
    """The custodian said nothing that can be read."""


class Custodian:
    """The rail of every code in settings.CUSTODIANS, each with its own custodian."""

    tracks = True

    def send(self, place: Place, payment: Payment, *, now: datetime) -> Answer:
        try:
            status, said = self._call(place, "POST", "/v1/withdrawals", body=custody.order(place, payment), key=payment.key)
            if status in REFUSED and isinstance(said, dict) and isinstance(said.get("code"), str) and said["code"]:
                return Answer(Outcome.REJECTED, reason=_why(status, said))
            return self._answer(place, payment.key, status, said)
        except (NoAnswer, BadAnswer, Silence) as no:
            return _unknown(place, payment.key, no)

    def status(self, place: Place, key: str, *, now: datetime) -> Answer:
        """What became of it. A key that never came is cancelled, where the custodian does that; else it stays UNKNOWN."""
        return self._ask(place, key, cancel=True)

    def follow(self, place: Place, key: str, *, now: datetime) -> Answer:
        """Where one stands that was taken on. It only asks: a record that is not found (a replica lags) says nothing."""
        return self._ask(place, key, cancel=False)

    def _ask(self, place: Place, key: str, *, cancel: bool) -> Answer:
        path = f"/v1/withdrawals/{quote(key, safe='')}"
        try:
            status, said = self._call(place, "GET", path)
            if status == 404 and cancel:
                status, said = self._call(place, "POST", f"{path}/cancel", body={})
                if status == 404:
                    return Answer(Outcome.UNKNOWN, reason="the custodian does not know it, and cannot promise that it never will")
            return self._answer(place, key, status, said)
        except (NoAnswer, BadAnswer, Silence) as no:
            return _unknown(place, key, no)

    def statement(self, place: Place, *, after: int, now: datetime) -> Statement:
        """
        :raises Silence: it did not answer in time
        :raises NoAnswer: it cannot answer
        :raises BadAnswer: the statement cannot be read, has a gap, or does not add up
        """
        return custody.read_statement(self._get(place, "statement", after=after, limit=PAGE), after=after)

    def incoming(self, place: Place, *, now: datetime) -> tuple[Incoming, ...]:
        """
        :raises Silence: it did not answer in time
        :raises NoAnswer: it cannot answer
        :raises BadAnswer: a deposit cannot be read
        """
        return custody.read_deposits(self._get(place, "deposits"), place)

    def _get(self, place: Place, what: str, **query: int) -> object:
        path = f"/v1/accounts/{quote(place.address, safe='')}/{what}"
        status, said = self._call(place, "GET", path, query={"asset": place.asset, **query})
        if status != 200:
            raise NoAnswer(f"{what}: {_why(status, said)}")
        return said

    def _answer(self, place: Place, key: str, status: int, said: object) -> Answer:
        if not 200 <= status < 300:
            raise NoAnswer(_why(status, said))
        found = custody.read_withdrawal(said)
        if found.key != key or found.asset not in {place.asset, ""} or found.account not in {place.address, ""}:
            raise BadAnswer("it answers about another payment")
        return found.answer

    def _call(
        self, place: Place, method: str, path: str, *, body: object = None, key: str = "", query: dict[str, Any] | None = None
    ) -> tuple[int, object]:
        """Status and body of one exchange, all of it within DEADLINE_S."""
        of = settings.CUSTODIANS[place.rail]
        read = b""
        headers = {"Idempotency-Key": key} if key else {}
        content = None if body is None else orjson.dumps(body)
        client = _client(os.getpid(), of["url"], of["token"])
        asked = client.stream(method, path, content=content, params=query, headers=headers | {"Content-Type": "application/json"})
        try:
            with within(DEADLINE_S), asked as answer:
                for part in answer.iter_bytes():
                    read += part
                    if len(read) > ANSWER_BYTES:
                        raise NoAnswer("too large an answer")
                return answer.status_code, orjson.loads(read) if read else None
        except httpx.HTTPError as no:
            raise Silence(type(no).__name__) from no
        except orjson.JSONDecodeError:
            raise NoAnswer(f"{answer.status_code}, not in JSON") from None


@cache
def _client(_process: int, url: str, token: str) -> httpx.Client:
    """One for each process: a connection is never shared by a fork."""
    return httpx.Client(
        base_url=url,
        transport=transport(),
        timeout=httpx.Timeout(DEADLINE_S / 2, connect=5),
        follow_redirects=False,
        trust_env=False,
        headers={"Authorization": f"Bearer {token}", "User-Agent": "Flowdesk/1", "Accept": "application/json"},
    )


def _why(status: int, said: object) -> str:
    words = [said.get(name) for name in ("code", "detail")] if isinstance(said, dict) else []
    return " ".join([str(status), *(word for word in words if isinstance(word, str))])[:120]


def _unknown(place: Place, key: str, no: Exception) -> Answer:
    log.warning("%s %s: %s", place.rail, key, no)
    return Answer(Outcome.UNKNOWN, reason=f"no answer: {no}"[:120], silent=isinstance(no, Silence))
