"""The content security policy of each answer: strict everywhere, relaxed under /admin/ alone, where the theme evaluates expressions."""

from typing import Any
from urllib.parse import urlsplit

from csp.middleware import CSPMiddleware, PolicyParts
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase


def live_origin(request: HttpRequest) -> str:
    """Where the live process answers, as ws:// or wss://: LIVE_URL, or the page's own host at LIVE_PORT."""
    if settings.LIVE_URL:
        parts = urlsplit(settings.LIVE_URL)
        return f"{'wss' if parts.scheme in {'https', 'wss'} else 'ws'}://{parts.netloc}"
    host = request.get_host()
    name = host if host.endswith("]") or ":" not in host else host.rpartition(":")[0]
    return f"{'wss' if request.is_secure() else 'ws'}://{name}:{settings.LIVE_PORT}"


class PolicyMiddleware(CSPMiddleware):  # type: ignore[misc]
    def get_policy_parts(self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False) -> PolicyParts:
        parts = super().get_policy_parts(request=request, response=response, report_only=report_only)
        if report_only or parts.config is not None:
            return parts
        if request.path_info.startswith("/admin/"):
            parts.config = {name: list(values) for name, values in settings.ADMIN_CONTENT_SECURITY_POLICY.items()}
        elif response.status_code != 400:  # a host that is not ours has no socket to name
            config: dict[str, Any] = {name: list(values) for name, values in settings.CONTENT_SECURITY_POLICY["DIRECTIVES"].items()}
            config["connect-src"].append(live_origin(request))
            parts.config = config
        return parts
