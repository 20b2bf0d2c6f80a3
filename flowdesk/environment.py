"""The environment, read strictly: what cannot be meant is refused with the name of the variable, before anything starts."""

import json
import re
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

_YES, _NO = {"1", "true", "yes", "on", "t", "y", "ok"}, {"0", "false", "no", "off", "f", "n", ""}
_RATE = re.compile(r"[1-9][0-9]{0,8}/([1-9][0-9]{0,5})?[smhd]")


class Environment(environ.Env):  # type: ignore[misc]  # the package has no types
    """django-environ, without its silences (an unknown word is False) and its tracebacks.

    :raises ImproperlyConfigured: with the name of the variable and what it may be
    """

    def yes(self, name: str, *, default: bool) -> bool:
        word = self.str(name, default="1" if default else "0").strip().lower()
        if word not in _YES | _NO:
            raise ImproperlyConfigured(f"{name}={word}: 1 or 0")
        return word in _YES

    def whole(self, name: str, *, default: int, least: int, most: int) -> int:
        """A whole number from `least` to `most`."""
        word = self.str(name, default=str(default)).strip()
        try:
            number = int(word)
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            raise ImproperlyConfigured(f"{name}={word}: a whole number from {least} to {most}")
        return number

    def object(self, name: str, *, default: dict[str, Any] | None = None) -> dict[str, Any]:
        """A JSON object."""
        text = self.str(name, default="")
        if not text:
            return default or {}
        try:
            found = json.loads(text)
        except ValueError as no:
            raise ImproperlyConfigured(f"{name}: no JSON: {no}") from no
        if not isinstance(found, dict):
            raise ImproperlyConfigured(f"{name}: a JSON object")
        return found

    def rate(self, name: str, *, default: str) -> str:
        """So many in a window, as django-ratelimit writes it: 400/4s, 60/m."""
        word: str = self.str(name, default=default).strip()
        if not _RATE.fullmatch(word):
            raise ImproperlyConfigured(f"{name}={word}: so many in a window, as in 400/4s or 60/m")
        return word

    def mail(self, url: str) -> dict[str, Any]:
        """Django's settings of the SMTP server that EMAIL_URL names."""
        try:
            if not url.startswith(("smtp://", "smtp+tls://", "smtp+ssl://")):
                raise ValueError(url)
            found: dict[str, Any] = self.email_url_config(url)
            if not found["EMAIL_HOST"]:
                raise ValueError(url)
            return found
        except ValueError as no:
            raise ImproperlyConfigured("EMAIL_URL: not of the form smtp://user:password@host:port (smtp+tls:// for STARTTLS)") from no
