"""The web role's application, served by granian."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "flowdesk.settings")
application = get_wsgi_application()

# What is loaded by now stays for ever: the collector need not walk through it again in the middle of a request. Requests leave few cycles.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 20)
