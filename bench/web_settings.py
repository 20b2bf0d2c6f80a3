"""The product's settings with the benches' addresses."""

from flowdesk.settings import *  # noqa: F403

ROOT_URLCONF = "bench.web_urls"
RATE_REQUESTS = RATE_RFQS = "1000000/s"  # a bench asks as fast as it can, with a few keys
