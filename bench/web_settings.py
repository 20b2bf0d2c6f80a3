"""The product's settings with the benches' addresses."""

from flowdesk.settings import *  # noqa: F403

ROOT_URLCONF = "bench.web_urls"
