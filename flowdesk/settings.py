"""Settings: pure names and addresses, read from the environment. Nothing is started or touched here."""

from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from apps.compliance.rules import thresholds
from flowdesk import banks, custodians, fees, places
from flowdesk.approvals import APPROVALS  # noqa: F401 (a setting)
from flowdesk.environment import Environment

env = Environment()
BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(env.str("VAR_DIR", default=str(BASE_DIR / "var"))).absolute()

DEBUG = env.yes("DEBUG", default=True)
ENVIRONMENT = env.str("FLOWDESK_ENVIRONMENT", default="demo" if DEBUG else "production")
if ENVIRONMENT not in {"demo", "sandbox", "production"}:
    raise ImproperlyConfigured("FLOWDESK_ENVIRONMENT: one of demo, sandbox, production")
if not DEBUG and ENVIRONMENT == "demo":
    raise ImproperlyConfigured("FLOWDESK_ENVIRONMENT=demo needs DEBUG=1: demo logins are never served in production")

SECRET_KEY = env.str("SECRET_KEY", default="a demo key, refused as soon as DEBUG=0, known to everyone" if DEBUG else "")
if not SECRET_KEY:
    raise ImproperlyConfigured("SECRET_KEY: set it (50 random characters) when DEBUG=0")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])  # former ones: sessions and sealed secrets made with them still open
WEB_PORT = env.whole("WEB_PORT", default=8000, least=1, most=65_535)
LIVE_PORT = env.whole("LIVE_PORT", default=8001, least=1, most=65_535)
BIND_HOST = env.str("BIND_HOST", default="127.0.0.1")  # 0.0.0.0 in a container
WEB_WORKERS, WORKER_PROCESSES = (
    env.whole("WEB_WORKERS", default=2, least=1, most=256),
    env.whole("WORKER_PROCESSES", default=2, least=1, most=256),
)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"] if DEBUG else [])
# What a signed request may name as @authority, and what the live pages may come from.
API_AUTHORITIES = env.list("API_AUTHORITIES", default=[f"{h}:{p}" for h in ("localhost", "127.0.0.1") for p in (WEB_PORT, LIVE_PORT)])
DESK_ORIGINS = env.list("DESK_ORIGINS", default=[f"http://{h}:{WEB_PORT}" for h in ("localhost", "127.0.0.1")])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
LIVE_URL = env.str("LIVE_URL", default="")  # empty: the page's own host at LIVE_PORT
TRUSTED_PROXY_HOPS = env.whole("TRUSTED_PROXY_HOPS", default=0, least=0, most=16)

# --- engines: real servers by URL, or the embedded ones (flowdesk/services.py) -------------------------------------
EMBEDDED = places.embedded(BASE_DIR, VAR_DIR)
DATABASE_URL = env.str("DATABASE_URL", default="")
VALKEY_URL = env.str("VALKEY_URL", default="")
EMBED_POSTGRES, EMBED_VALKEY = not DATABASE_URL, not VALKEY_URL
EMBED_DURABLE = env.yes("EMBED_DURABLE", default=True)  # 0: no fsync, no append-only file; for tests
EMBED_DATABASE = env.str("EMBED_DATABASE", default="flowdesk")
if not DEBUG and (EMBED_POSTGRES or EMBED_VALKEY):
    raise ImproperlyConfigured("DATABASE_URL and VALKEY_URL: the embedded engines are for demos; set both when DEBUG=0")
VALKEY_URL = VALKEY_URL or f"unix://{EMBEDDED.valkey_socket}"
VALKEY_TIMEOUT_MS = env.whole("VALKEY_TIMEOUT_MS", default=50, least=1, most=60_000)  # so long a request waits for an answer of Valkey

DB_ROLE = env.str("FLOWDESK_DB_ROLE", default="app")
if DB_ROLE not in {"owner", "app", "read"}:
    raise ImproperlyConfigured("FLOWDESK_DB_ROLE: one of owner, app, read")
PROCESS = env.str("FLOWDESK_PROCESS", default="command")  # web, live, worker, beat, feed, command
_STATEMENT_TIMEOUT = {"web": "5s", "live": "5s", "worker": "60s"}.get(PROCESS, "15min")
_OPTIONS = {
    "statement_timeout": _STATEMENT_TIMEOUT,
    "lock_timeout": "2s" if DB_ROLE == "owner" else "3s",
    "idle_in_transaction_session_timeout": "10s" if PROCESS in {"web", "live"} else "60s",
    "timezone": "UTC",
}
if PROCESS in {"web", "live"}:
    _OPTIONS["transaction_timeout"] = "10s"
if DB_ROLE != "owner":
    _OPTIONS["role"] = f"flowdesk_{DB_ROLE}"
if DATABASE_URL and not DATABASE_URL.startswith(("postgres://", "postgresql://")):
    raise ImproperlyConfigured("DATABASE_URL: Flowdesk needs PostgreSQL (postgres://…); locks and triggers are the product")
try:
    _DATABASE: dict[str, Any] = (
        dict(Environment.db_url_config(DATABASE_URL))
        if DATABASE_URL
        else {"NAME": EMBED_DATABASE, "USER": "flowdesk", "HOST": str(EMBEDDED.postgres_socket_dir), "PORT": ""}
    )
except Exception as wrong:  # environ raises many kinds; all mean the same here
    raise ImproperlyConfigured("DATABASE_URL: not a URL of the form postgres://user:password@host:port/name") from wrong
DATABASES = {
    "default": {
        **_DATABASE,
        "ENGINE": "apps.core.postgresql",
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": False,
        "OPTIONS": {
            **_DATABASE.get("OPTIONS", {}),
            "options": " ".join(f"-c {name}={value}" for name, value in _OPTIONS.items()),
            "prepare_threshold": 5,  # without one psycopg prepares nothing, and the server plans every statement of the hot paths anew
            "pool": {"min_size": 1, "max_size": env.whole("DB_POOL_MAX", default=10, least=1, most=1_000), "timeout": 5, "max_waiting": 50},
        },
        "TEST": {"NAME": "flowdesk_test"},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ATOMIC_REQUESTS = False

# A Valkey that hangs must not hang a request: what asks it has a way without it.
_VALKEY_WAIT_S = 2 * VALKEY_TIMEOUT_MS / 1000
_VALKEY_CACHE = {"LOCATION": VALKEY_URL, "OPTIONS": {"socket_timeout": _VALKEY_WAIT_S, "socket_connect_timeout": _VALKEY_WAIT_S}}
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", **_VALKEY_CACHE},
    "counters": {"BACKEND": "apps.api.counters.Counters", **_VALKEY_CACHE},
}
RATELIMIT_USE_CACHE = "counters"
CELERY_BROKER_URL = env.str(
    "BROKER_URL",
    default=f"redis+socket://{VALKEY_URL.removeprefix('unix://')}?virtual_host=1" if VALKEY_URL.startswith("unix") else VALKEY_URL,
)

INSTALLED_APPS = [
    "flowdesk",
    "daphne",
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "channels",
    "django_htmx",
    "django_ratelimit",
    "csp",
    "axes",
    *[
        f"apps.{name}"
        for name in [
            "core",
            "events",
            "users",
            "approvals",
            "instruments",
            "clients",
            "pricing",
            "ledger",
            "credit",
            "compliance",
            "rfqs",
            "trades",
            "settlement",
            "close",
            "reports",
            "notify",
            "api",
            "desk",
            "jobs",
        ]
    ],
]
MIDDLEWARE = [
    "apps.api.middleware.ApiProblems",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "apps.desk.policy.PolicyMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
    "apps.desk.refusals.RefusalMiddleware",
]
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_USER_MODEL = "users.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL, LOGIN_REDIRECT_URL, LOGOUT_REDIRECT_URL = "/login/", "/desk/", "/login/"
ROOT_URLCONF = "flowdesk.urls"
WSGI_APPLICATION, ASGI_APPLICATION = "flowdesk.wsgi.application", "flowdesk.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
USE_TZ, TIME_ZONE, LANGUAGE_CODE = True, "UTC", "en-gb"
STATIC_URL, STATIC_ROOT = "/static/", Path(env.str("STATIC_ROOT", default=str(BASE_DIR / "staticfiles")))
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = DEBUG
# What /readyz asks: name → dotted path of a function that gives None or the reason (flowdesk/health.py).
READY_CHECKS = {
    "database": "flowdesk.health.database",
    "migrations": "flowdesk.health.migrations",
    "valkey": "flowdesk.health.valkey",
    "prices": "flowdesk.health.prices",
    "receipts": "apps.core.signing_keys.why_not_published",
}

# --- production hardening ---------------------------------------------------------------------------------------
if not DEBUG:
    SECURE_SSL_REDIRECT = env.yes("SECURE_SSL_REDIRECT", default=True)
    SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$"]
    SECURE_HSTS_SECONDS, SECURE_HSTS_INCLUDE_SUBDOMAINS, SECURE_HSTS_PRELOAD = 31_536_000, True, True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXY_HOPS else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_NAME = f"flowdesk_session_{WEB_PORT}" if DEBUG else "__Host-flowdesk"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
SILENCED_SYSTEM_CHECKS = ["django_ratelimit.W001"]  # Django's own RedisCache is meant (docs/adr)
AXES_FAILURE_LIMIT, AXES_COOLOFF_TIME = 5, 0.25
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_ENABLE_ADMIN, AXES_VERBOSE = False, False
AXES_CLIENT_IP_CALLABLE = "apps.api.auth.request_ip"  # what our own proxies saw, as for keys

# --- names of what plugs in, by dotted path: lower floors never import higher ones ----------------------------------
# Reference rows and roles, made after every migrate; each function is idempotent.
REFERENCE = [
    "apps.core.signing_keys.seed_reference",
    "apps.users.operations.seed_reference",
    "apps.instruments.operations.seed_reference",
    "apps.clients.operations.seed_reference",
    "apps.pricing.operations.seed_reference",
    "apps.credit.operations.seed_reference",
]

# Events: rows restored into another cluster carry foreign transaction ids, so each restore begins a new era.
EVENT_ERA = env.whole("EVENT_ERA", default=1, least=1, most=32_767)
FEED_VENUES = env.list("FEED_VENUES", default=[])  # live venues by ccxt's names; none: simulated, or recorded with --prices
BUS_PREFIX = env.str("BUS_PREFIX", default="")
EVENTS_CHANNEL = f"{BUS_PREFIX}events"
# From the verification of a settlement instruction to its first use.
SSI_COOLING_HOURS = env.whole("SSI_COOLING_HOURS", default=24, least=1, most=336)
MONITORING = env.object("MONITORING")  # of alerts (apps.compliance.rules.Thresholds): {"off_market_bps": "150"}
try:
    thresholds(MONITORING)
except ValueError as wrong:
    raise ImproperlyConfigured(f"MONITORING: {wrong}") from None
SCREENING = env.str("SCREENING", default="apps.compliance.operations.list_based")
# A file of private keys (a JWK set, 0600): the first signs quote receipts. `manage.py signing_keys` makes and rotates them.
QUOTE_SIGNING_KEYS_NAMED = env.str("QUOTE_SIGNING_KEYS", default="")
QUOTE_SIGNING_KEYS = Path(QUOTE_SIGNING_KEYS_NAMED or VAR_DIR / "quote_signing_keys.json").absolute()
KEY_PREFIX = "ak_live_" if ENVIRONMENT == "production" else "ak_test_"

# Round every signed request; a sandbox's testers force what they want to see there (docs/sandbox.md).
API_MIDDLEWARE = ["apps.api.sandbox.door.Scenarios"] if ENVIRONMENT == "sandbox" else []

# --- the API ----------------------------------------------------------------------------------------------------------
RATE_REQUESTS = env.rate("RATE_REQUESTS", default="400/4s")  # a key: 100 a second, with a burst of 400 (ADR 0009)
RATE_RFQS = env.rate("RATE_RFQS", default="200/4s")  # 50 a second, with a burst of 200
RATE_BAD_SIGNATURES = env.rate("RATE_BAD_SIGNATURES", default="60/m")
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "apps.api.problems.handler",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,  # ?format= is a parameter like any other that is not known
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Flowdesk API",
    "DESCRIPTION": "Ask for a price, deal at it, see it settle. Every request is signed: RFC 9421, Ed25519, profile otc-v1 (docs/api.md).",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "apps.api.docs.name_problem",
        "apps.api.docs.complete",
        "apps.api.examples.add_examples",
    ],
}

# --- events and mail: readers of events by name; mails go to files where no server is named -------------------------------
RELEASE_NEEDS_AFFIRMATION = env.yes("RELEASE_NEEDS_AFFIRMATION", default=False)  # UNAFFIRMED stops a payment, where the house wants it
SUBSCRIBERS = {
    "email": "apps.notify.operations.mails.EMAIL",
    "dealing": "apps.reports.operations.statistics.DEALING",
    "confirm": "apps.trades.operations.confirmations.CONFIRM",
    "monitoring": "apps.workflows.watch_dealing.WATCH",
    "commissions": "apps.workflows.commissions.ACCRUE",
}
WEBHOOKS_TO_LOOPBACK = env.yes("WEBHOOKS_TO_LOOPBACK", default=ENVIRONMENT == "demo")  # plain http to this machine
if WEBHOOKS_TO_LOOPBACK and ENVIRONMENT != "demo":
    raise ImproperlyConfigured("WEBHOOKS_TO_LOOPBACK=1 is for the demo: a client's webhook must never reach this machine")
EMAIL_URL = env.str("EMAIL_URL", default="" if ENVIRONMENT != "production" else "smtp://localhost:25")
MAIL_FROM = DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str("MAIL_FROM", default="Flowdesk <no-reply@flowdesk.example>")
EMAIL_BACKEND, EMAIL_FILE_PATH, EMAIL_TIMEOUT = "django.core.mail.backends.filebased.EmailBackend", str(VAR_DIR / "mail"), 10
if EMAIL_URL:
    vars().update(env.mail(EMAIL_URL))

# --- demo: staff whose password is in this file, served only where DEBUG=1 ------------------------------------------------
DEMO_PASSWORD = "flowdesk-demo" if DEBUG else ""
DEMO_STAFF = (
    ("sam", "Sam Sales", "sales"),
    ("tara", "Tara Trader", "trader"),
    ("tom", "Tom Trader", "trader"),
    ("olga", "Olga Operations", "operations"),
    ("oscar", "Oscar Operations", "operations"),
    ("rita", "Rita Risk", "risk"),
    ("ron", "Ron Risk", "risk"),
    ("fay", "Fay Finance", "finance"),
    ("finn", "Finn Finance", "finance"),
    ("carl", "Carl Compliance", "compliance"),
    ("cora", "Cora Compliance", "compliance"),
    ("ada", "Ada Admin", "admin"),
    ("audrey", "Audrey Auditor", "auditor"),
)
DEMO_LOGINS = tuple((username, DEMO_PASSWORD, role) for username, _, role in DEMO_STAFF) if DEMO_PASSWORD else ()

# --- credit: how old a mark may be: a stale one keeps its value, with the stressed haircut, and stops new risk -------------
CREDIT_MARK_MAX_AGE_S = env.whole("CREDIT_MARK_MAX_AGE_S", default=60, least=1, most=86_400)

# --- settlement -------------------------------------------------------------------------------------------------------
# Rail code or kind → adapter. The simulators' outcomes by seed, per mille of payments (apps/settlement/rails/outside.py).
# Venues are asked for what we keep there by `venue:CODE`, else by VENUE.
RAILS = {
    "BANK": "apps.settlement.rails.bank.BankSimulator",
    "CHAIN": "apps.settlement.rails.chain.ChainSimulator",
    "VENUE": "apps.settlement.rails.venue_sim.VenueSimulator",
}
# Banks that are spoken to in files, by rail code: {"fedwire-usd": {"name": "Flowdesk Ltd", "bic": "…", "out": FOLDER, "in": FOLDER}}.
BANK_FILES = banks.read(env.object("BANK_FILES"))
RAILS |= dict.fromkeys(BANK_FILES, "apps.settlement.rails.bank_files.BankFiles")
# Custodians of our wallets, by rail code: {"bitcoin-btc": {"url": "https://…", "token": "…", "callback_secrets": "whsec_…"}}.
CUSTODIANS = custodians.read(env.object("CUSTODIANS"), production=ENVIRONMENT == "production")
RAILS |= {code: custodians.adapter(one) for code, one in CUSTODIANS.items()}
# A transaction of ours without confirmations, in minutes of desk time.
CHAIN_STUCK_AFTER_MIN = env.whole("CHAIN_STUCK_AFTER_MIN", default=60, least=1, most=1_000_000)
# The highest fee of a replacement by rail code, in units of its asset; none named, none replaced. Defaults: 50 times a usual fee.
CHAIN_FEE_MAX = fees.read(env.object("CHAIN_FEE_MAX", default={"bitcoin-btc": "0.0025", "ethereum-eth": "0.02"}))
# The travel rule: how other VASPs are told (apps/compliance/rails/travel.py), and who has agreed or refused in advance: LEI → word.
TRAVEL_NETWORK = env.str("TRAVEL_NETWORK", default="apps.compliance.rails.travel.ByList")
TRAVEL_VASPS: dict[str, str] = env.object("TRAVEL_VASPS")
if any(word not in ("ACCEPTED", "REJECTED") for word in TRAVEL_VASPS.values()):
    raise ImproperlyConfigured("TRAVEL_VASPS: an object of ACCEPTED or REJECTED by LEI")
# `joined`: what simulated rails pay to simulated venues arrives there, and the other way round.
_SIM_SEED, _SIM_JOINED = env.whole("SIM_SEED", default=1, least=0, most=2_147_483_647), env.yes("SIM_JOINED", default=True)
SIM_RAILS: dict[str, Any] = {"seed": _SIM_SEED, "per_mille": {}, "joined": _SIM_JOINED}

# --- reports and the close ------------------------------------------------------------------------------------------------
# Signed heads of the audit chain, a file a day: a place where the database's administrators may not write over anything.
ANCHORS_DIR = Path(env.str("ANCHORS_DIR", default=str(VAR_DIR / "anchors"))).absolute()
REPORTS_DIR = Path(env.str("REPORTS_DIR", default=str(VAR_DIR / "reports"))).absolute()

# --- the desk: its policy, its theme (apps/desk) --------------------------------------------------------------------
_SELF, _NONE = "'self'", "'none'"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [_NONE],
        "script-src": [_SELF],
        "style-src": [_SELF],
        "img-src": [_SELF, "data:"],
        "font-src": [_SELF],
        "connect-src": [_SELF],  # and the live process: apps.desk.policy
        "form-action": [_SELF],
        "frame-ancestors": [_NONE],
        "base-uri": [_NONE],
        "object-src": [_NONE],
    }
}
# The admin's theme evaluates expressions and sets styles in its markup; nothing of it comes from elsewhere either.
ADMIN_CONTENT_SECURITY_POLICY = {
    **CONTENT_SECURITY_POLICY["DIRECTIVES"],
    "script-src": [_SELF, "'unsafe-inline'", "'unsafe-eval'"],
    "style-src": [_SELF, "'unsafe-inline'"],
}
AXES_LOCKOUT_TEMPLATE = "desk/locked_out.html"
UNFOLD = {
    "SITE_TITLE": "Flowdesk",
    "SITE_HEADER": "Flowdesk",
    "SITE_SUBHEADER": "Records",
    "SITE_SYMBOL": "swap_horizontal_circle",
    "SITE_URL": "/desk/",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "apps.desk.sidebar.favicon"}],
    "SHOW_VIEW_ON_SITE": False,
    "ENVIRONMENT": "apps.desk.sidebar.environment",
    "BORDER_RADIUS": "6px",
    "COLORS": {"primary": {
        "50": "#eef6ff", "100": "#d9eaff", "200": "#bcdaff", "300": "#8ec2ff", "400": "#599fff", "500": "#3179f6", "600": "#1f5fe0",
        "700": "#1a4cb8", "800": "#1b4194", "900": "#1b3975", "950": "#152448",
    }},
    "SIDEBAR": {"show_search": True, "navigation": "apps.desk.sidebar.navigation"},
}  # fmt: skip
