"""`python -m flowdesk_client` is the command `flowdesk`."""

import sys

from .cli import main

sys.exit(main())
