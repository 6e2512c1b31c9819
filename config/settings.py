"""Settings, all from the environment (and a `.env` file next to manage.py). `.env.example` explains each variable.

`BARKEEP_ENV=development` (the default of manage.py) needs no configuration and uses the embedded PostgreSQL.
`BARKEEP_ENV=production` (the default of config/asgi.py, config/wsgi.py and the Procfile) starts only if everything that
a public server needs is set.
"""

from pathlib import Path

from psycopg2.extensions import ISOLATION_LEVEL_READ_COMMITTED

import config.checks  # noqa: F401 - registers the check of the .env file
from config.connections.timeouts import CLIENT
from config.env_file import read_env_file
from config.guards import (
    Env,
    find_production_faults,
    ignore_server_variables,
    is_production,
    parse_database_url,
    read_or_create_secret_key,
    refuse_faults,
)
from config.notify import check_notify, read_notify_urls, read_quiet_hours

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"

read_env_file(BASE_DIR / ".env")
env = Env()

PRODUCTION = is_production(env.value("BARKEEP_ENV", default="development"))
DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.value("SECRET_KEY", default="")
ALLOWED_HOSTS = env.names("ALLOWED_HOSTS", default=[] if PRODUCTION else ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.names("CSRF_TRUSTED_ORIGINS", default=[])
DATABASE_URL = env.value("DATABASE_URL", default="")

refuse_faults(find_production_faults(DEBUG, SECRET_KEY, ALLOWED_HOSTS, DATABASE_URL) if PRODUCTION else [])
SECRET_KEY = SECRET_KEY or read_or_create_secret_key(VAR_DIR / "secret_key")

INSTALLED_APPS = [
    "django.contrib.admin.apps.SimpleAdminConfig",  # config/urls.py imports the admin, so that no command does
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "marketdata",
    "ingestion",
    "django_tasks",
    "django_tasks_db",  # after ingestion, whose db_worker replaces its command
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.cache_headers.CacheHeadersMiddleware",
    "config.compression.CompressionMiddleware",  # a page of bars shrinks to a tenth
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    # Sets an ETag: a client that polls gets 304 without a body if nothing changed.
    "django.middleware.http.ConditionalGetMiddleware",
    "config.connections.unavailable.DatabaseGuardMiddleware",  # last: its responses get the headers of all others
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

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
            ],
        },
    },
]

# --- Database -------------------------------------------------------------------------------------------------------

env.bool("EMBEDDED_PG_KEEP", default=False)  # config.embedded reads it at exit; this line refuses a typo at start
EMBEDDED_PG_HOME = Path(env.value("EMBEDDED_PG_HOME", default=str(VAR_DIR / "postgres")))

ignore_server_variables()  # only DATABASE_URL names the database

if DATABASE_URL:
    DATABASES = {"default": parse_database_url(DATABASE_URL)}
    DATABASES["default"] |= {
        "CONN_MAX_AGE": env.int("CONN_MAX_AGE", default=60),
        "CONN_HEALTH_CHECKS": True,
        # A pool in transaction mode (pgbouncer) cannot keep a cursor open between two statements.
        "DISABLE_SERVER_SIDE_CURSORS": env.bool("DISABLE_SERVER_SIDE_CURSORS", default=True),
    }
    DATABASES["default"]["OPTIONS"] = (
        CLIENT | {"connect_timeout": 5, "application_name": "barkeep"} | DATABASES["default"].get("OPTIONS", {})
    )
else:
    DATABASES = {
        "default": {
            "ENGINE": "config.embedded.backend",
            "NAME": "marketdata",
            "USER": "postgres",
            "OPTIONS": {"home": str(EMBEDDED_PG_HOME), "application_name": "barkeep"},
        }
    }

# Of each web process: requests that it computes at a time, and exports that clients read from it at a time.
WEB_THREADS = env.int("WEB_THREADS", default=4)
EXPORTS_PER_PROCESS = env.int("EXPORTS_PER_PROCESS", default=6)
# Streams of events that clients may have open, of each web process, and of each account in it.
STREAMS_PER_PROCESS = env.int("STREAMS_PER_PROCESS", default=2500)
STREAMS_PER_ACCOUNT = env.int("STREAMS_PER_ACCOUNT", default=2000)
STREAM_HEARTBEAT_SECONDS = env.int("STREAM_HEARTBEAT_SECONDS", default=15)

# After a wait for a lock, a statement must see what the other transaction committed, whatever the server's default.
DATABASES["default"]["OPTIONS"]["isolation_level"] = ISOLATION_LEVEL_READ_COMMITTED

# Django cannot validate constraints that are raw SQL. The database enforces them, and no form writes bars.
SILENCED_SYSTEM_CHECKS = ["models.W045"]

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# The web front reads a request's body into memory. No form of the project is larger.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

# --- Market data ----------------------------------------------------------------------------------------------------

# Slug of the series for files whose metadata has no symbol.
DEFAULT_SERIES = env.value("DEFAULT_SERIES", default="mnq")

# Stats need no login, as a health check. Bars and runs always do.
PUBLIC_STATS = env.bool("PUBLIC_STATS", default=True)

# --- Feeds ----------------------------------------------------------------------------------------------------------

DATABENTO_API_KEY = env.text("DATABENTO_API_KEY", default="")
# Empty: the vendor's own addresses.
DATABENTO_HISTORICAL_URL = env.text("DATABENTO_HISTORICAL_URL", default="")
DATABENTO_LIVE_GATEWAY = env.text("DATABENTO_LIVE_GATEWAY", default="")

# Without both caps nothing is bought.
FEED_MAX_USD_PER_RUN = env.usd("FEED_MAX_USD_PER_RUN")
FEED_MAX_USD_PER_MONTH = env.usd("FEED_MAX_USD_PER_MONTH")
# None: never by a batch job.
FEED_BATCH_ABOVE_USD = env.usd("FEED_BATCH_ABOVE_USD")
# Downloads, the spool of the live stream, and refused records, in a folder for each database.
FEED_DIR = Path(env.text("FEED_DIR", default=str(VAR_DIR / "feeds")))
# When a worker requests the daily backfill, UTC; None: cron does.
FEED_DAILY_AT = env.clock("FEED_DAILY_AT")
# Whether commands that store bars check them at their end, if they are few and no worker runs.
QUALITY_WITHOUT_WORKER = env.bool("QUALITY_WITHOUT_WORKER", default=True)
# How long the vendor may take to accept a connection, and between two pieces of a response.
FEED_TIMEOUT_SECONDS = env.int("FEED_TIMEOUT_SECONDS", default=100)

# How often the live gateway sends something, and how much later its next bytes may come.
LIVE_HEARTBEAT_SECONDS = env.int("LIVE_HEARTBEAT_SECONDS", default=30)
LIVE_SILENCE_SECONDS = env.int("LIVE_SILENCE_SECONDS", default=10)
# How long a live session may need until it sends data.
LIVE_CONNECT_SECONDS = env.int("LIVE_CONNECT_SECONDS", default=30)
# How long an open exchange may have neither a bar nor the end of a minute.
LIVE_NO_BARS_SECONDS = env.int("LIVE_NO_BARS_SECONDS", default=180)
# How long after its end a minute is closed that the gateway does not close.
LIVE_CLOSE_AFTER_SECONDS = env.int("LIVE_CLOSE_AFTER_SECONDS", default=10)
# The longest pause between two live sessions, and how often one may request minutes again.
LIVE_LONGEST_PAUSE_SECONDS = env.int("LIVE_LONGEST_PAUSE_SECONDS", default=60)
LIVE_REPEAT_AFTER_SECONDS = env.int("LIVE_REPEAT_AFTER_SECONDS", default=60)

# --- Alerts ---------------------------------------------------------------------------------------------------------

# Addresses of apprise, the signed webhook, and when they are used.
NOTIFY_URLS = read_notify_urls(env.text("NOTIFY_URLS", default=""))
NOTIFY_WEBHOOK_URL = env.text("NOTIFY_WEBHOOK_URL", default="")
NOTIFY_WEBHOOK_SECRET = env.text("NOTIFY_WEBHOOK_SECRET", default="")
NOTIFY_MIN_SEVERITY = env.text("NOTIFY_MIN_SEVERITY", default="warning")
NOTIFY_QUIET_HOURS = read_quiet_hours(env.text("NOTIFY_QUIET_HOURS", default=""))
NOTIFY_DIGEST_AT = env.clock("NOTIFY_DIGEST_AT", zone="of NOTIFY_TIME_ZONE")
NOTIFY_TIME_ZONE = env.text("NOTIFY_TIME_ZONE", default="UTC")
# The address of the pages, for links in messages. Empty: without links.
SITE_URL = env.text("SITE_URL", default="")
check_notify(
    webhook_url=NOTIFY_WEBHOOK_URL,
    webhook_secret=NOTIFY_WEBHOOK_SECRET,
    min_severity=NOTIFY_MIN_SEVERITY,
    zone=NOTIFY_TIME_ZONE,
    site_url=SITE_URL,
)

# --- Lake -----------------------------------------------------------------------------------------------------------

# A folder, or s3://bucket/prefix. Empty: commands need --to.
LAKE_DIR = env.text("LAKE_DIR", default="")
# Empty: AWS.
LAKE_ENDPOINT_URL = env.text("LAKE_ENDPOINT_URL", default="")

# --- Language, time, static files -----------------------------------------------------------------------------------

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

STATIC_URL = "static/"
# In development whitenoise serves the source files; only a release collects them.
STATIC_ROOT = VAR_DIR / "static" if PRODUCTION else None
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "config.storage.HashedStaticFiles"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not PRODUCTION
WHITENOISE_AUTOREFRESH = not PRODUCTION

# --- Security -------------------------------------------------------------------------------------------------------

if PRODUCTION:
    SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]  # load balancers call them over plain HTTP
    # Hosts such as Railway and Heroku terminate TLS in a proxy and set this header.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("SECURE_HSTS_INCLUDE_SUBDOMAINS", default=True)
    SECURE_HSTS_PRELOAD = env.bool("SECURE_HSTS_PRELOAD", default=True)
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True

# Pages load from this server only. The one inline style is that of the chart library's logo.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "connect-src": ["'self'"],  # requests of the API, and streams
        "img-src": ["'self'", "data:"],
        "style-src": ["'self'", "'sha256-3pRED1tOXas1FXFoPb9TGCjmYe9XQsmO9OV23khV2nY='"],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "object-src": ["'none'"],
    }
}

SESSION_ENGINE = "config.sessions"

# Proxies in front of the server, each of which appends to X-Forwarded-For. Without one the header could be forged.
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"

AUTHENTICATION_BACKENDS = [
    "marketdata.access.backend.WaitingBackend",  # first: it checks the logins of all web requests
    "django.contrib.auth.backends.ModelBackend",
]

# Web requests store jobs in the database; `manage.py db_worker` runs them.
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

# --- REST -----------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_AUTHENTICATION_CLASSES": [
        # First: without credentials the response is 401, not 403.
        "marketdata.access.authentication.ApiTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    # Databento's licence forbids open redistribution, so public views must opt out.
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_THROTTLE_CLASSES": [
        "rest_framework.throttling.AnonRateThrottle",
        "rest_framework.throttling.UserRateThrottle",
    ],
    # Per client and process.
    "DEFAULT_THROTTLE_RATES": {
        "anon": env.rate("API_RATE_ANONYMOUS", default="120/min"),
        "user": env.rate("API_RATE_USER", default="1200/min"),
    },
    "NUM_PROXIES": TRUSTED_PROXIES,
    "DEFAULT_SCHEMA_CLASS": "marketdata.api.description.schema.Schema",
    "EXCEPTION_HANDLER": "marketdata.api.errors.handle_error",
    "URL_FORMAT_OVERRIDE": None,  # marketdata.api.negotiation decides about `format`
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Barkeep",
    "DESCRIPTION": "Minute bars from Databento, the audit trail of their ingest runs, and findings about their "
    "quality. No request changes market data. Findings can be acknowledged, resolved and reopened, by a token that may "
    "write and whose account may change findings. Back to [Barkeep](/).",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {  # the names in clients
        "KindEnum": "marketdata.models.ingest_run.IngestRun.Kind",
        "FindingKindEnum": "marketdata.models.quality.finding.QualityFinding.Kind",
        "FindingStateEnum": "marketdata.models.quality.finding.QualityFinding.State",
    },
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,  # values mean what they are called
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "marketdata.api.description.schema.remove_storage_bounds",
    ],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    # Without deep links: Swagger UI puts them into buttons, where screen readers do not reach them.
    "SWAGGER_UI_SETTINGS": {"deepLinking": False},
    "SWAGGER_UI_DIST": "SIDECAR",  # served by the project, so it works without internet access
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# --- Logging --------------------------------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "class": "config.log_lines.PrintableFormatter",
            "format": "{asctime} {levelname} {name}: {message}",
            "style": "{",
        }
    },
    # Standard error, since standard output is for results (`--json`).
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.log_level("LOG_LEVEL", default="WARNING")},
    # The vendor's client logs parts of the key at DEBUG, and errors that sessions report by themselves. Apprise logs
    # addresses with their tokens, and urllib3 paths, which have those of services.
    "loggers": {"databento": {"level": "CRITICAL"}, "apprise": {"level": "CRITICAL"}, "urllib3": {"level": "CRITICAL"}},
}
