"""Versions of the answers: `/v1` stays, a date pinned on each key says which of its shapes the key gets.

Within a version things are only added. What goes away is first told on every answer that still has it: Deprecation (RFC 9745), Sunset
(RFC 8594) and a link to what takes its place; it is gone for keys of the next version, and for all when the sunset has come.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.http import http_date

from apps.clients.rules import API_VERSIONS

from .jsonbody import FieldError, InvalidBody

HEADER = "API-Version"


@dataclass(frozen=True, slots=True)
class Deprecated:
    """A member of an answer that keys of an older version still get.

    :param until: the first version without it
    """

    member: str
    until: str
    since: datetime
    sunset: datetime
    link: str

    def is_shown(self, version: str) -> bool:
        return version < self.until

    @property
    def headers(self) -> dict[str, str]:
        """What tells of it, for the OpenAPI document."""
        return {
            "Deprecation": f"since when `{self.member}` is on its way out (RFC 9745); keys of version {self.until} on do not get it",
            "Sunset": f"when `{self.member}` is gone for all (RFC 8594)",
            "Link": "what to read of it",
        }


INSTRUMENT_TENOR = Deprecated(
    member="tenor",
    until="2026-11-15",
    since=datetime(2026, 11, 15, tzinfo=UTC),
    sunset=datetime(2027, 11, 15, tzinfo=UTC),
    link="/api/docs/#/instruments",
)


def of(request: HttpRequest, pinned: str) -> str:
    """The version of one answer: the key's, or the one that the request tries.

    :raises InvalidBody: there is no such version
    """
    wanted = request.headers.get(HEADER)
    if wanted is None:
        return pinned
    if wanted not in API_VERSIONS:
        raise InvalidBody([FieldError(HEADER, "invalid_choice", f"one of {', '.join(API_VERSIONS)}")])
    return wanted


def tell(answer: HttpResponseBase, version: str | None, deprecated: Deprecated | None) -> None:
    if version is None:
        return
    answer.headers[HEADER] = version
    if deprecated is not None and deprecated.is_shown(version):
        answer.headers["Deprecation"] = f"@{int(deprecated.since.timestamp())}"
        answer.headers["Sunset"] = http_date(deprecated.sunset.timestamp())
        answer.headers["Link"] = f'<{deprecated.link}>; rel="deprecation"; type="text/html"'
