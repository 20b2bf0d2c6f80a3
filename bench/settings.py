"""The product's settings with the benches' addresses, and Django's record of each statement (`connection.queries`) off, as in production."""

from flowdesk.settings import *  # noqa: F403

ROOT_URLCONF = "bench.web_urls"
DEBUG = False
