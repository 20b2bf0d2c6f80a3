"""The product's settings with the benches' addresses; Django keeps no record of each statement (`connection.queries`), as in production."""

from flowdesk.settings import *  # noqa: F403

ROOT_URLCONF = "bench.web_urls"
DEBUG = False
