"""The web role's application, served by granian."""

import gc
import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "flowdesk.settings")
_platform = get_wsgi_application()

from flowdesk.seats import Seats  # noqa: E402

# No more requests at once than the pool has connections: more would only wait inside.
application = Seats(_platform, settings.DATABASES["default"]["OPTIONS"]["pool"]["max_size"])

# What is loaded by now stays for ever: the collector need not walk through it again in the middle of a request. Requests leave few cycles.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 20)
