"""What a problem's `type` points at: the table of docs/errors.md, with an anchor for each code."""

import re
from functools import cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from .problems import read_only

_ROW = re.compile(r"\| `(?P<code>\w+)` \| (?P<status>\d+) \| (?P<retry>\w+) \| (?P<meaning>.*) \| [\w., ]+ \|")


@cache
def rows() -> list[dict[str, str]]:
    """Every code of docs/errors.md: code, status, retry, meaning."""
    text = (settings.BASE_DIR / "docs" / "errors.md").read_text(encoding="utf-8")
    return [found.groupdict() for line in text.splitlines() if (found := _ROW.fullmatch(line))]


@read_only
def errors(request: HttpRequest) -> HttpResponse:
    return render(request, "api/errors.html", {"rows": rows()})
