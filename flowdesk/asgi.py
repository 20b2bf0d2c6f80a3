"""The live role's application, served by `manage.py run_live` (its sockets need our own protocol, which other servers lack)."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "flowdesk.settings")
get_asgi_application()  # sets Django up; the live role serves none of its views

from apps.api.live.app import make_application  # noqa: E402
from apps.api.live.hub import Hub  # noqa: E402

hub = Hub()
application = make_application(hub)
