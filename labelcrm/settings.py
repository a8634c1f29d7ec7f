"""Every setting of labelcrm, in one file. What differs between installations comes from `labelcrm.env`."""

from __future__ import annotations

from pathlib import Path

from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.utils.translation import gettext_lazy as _

from desk.theme import UNFOLD as UNFOLD
from labelcrm import env

BASE_DIR = Path(__file__).resolve().parent.parent

# -- Identity and hosts -------------------------------------------------------------------------------------
DEBUG = env.boolean("DEBUG", default=False)
SECRET_KEY = env.secret_key()
ENCRYPTION_KEYS = env.encryption_keys()
ALLOWED_HOSTS = env.site_names("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.origins("CSRF_TRUSTED_ORIGINS")
PUBLIC_URL = env.url("PUBLIC_URL")  # how gateways and links in e-mails reach us; "" = as the browser does

# -- Applications ---------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",  # without its own site: ours is desk.site
    "unfold.contrib.filters",
    "unfold.contrib.import_export",
    "desk.site.DeskAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "rest_framework",
    "rest_framework.authtoken",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "import_export",
    "axes",
    "csp",
    "labelcrm.core",
    "contacts",
    "labels",
    "webhooks",
    "reports",
    "transfer",
    "desk",
    "api",
    "demo",
    "labelcrm",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "api.health.ProbeMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "labelcrm.core.middleware.UnstorableTextMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "labelcrm.core.middleware.UserLanguageMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
    "labelcrm.core.middleware.TooSlowMiddleware",
]
ROOT_URLCONF = "labelcrm.urls"
WSGI_APPLICATION = "labelcrm.wsgi.application"
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
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "core.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "contacts.access.StaffBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
# Locking the pair keeps an outsider from locking a CS out of their own account.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
# Logins, the API's limits and the list of failed logins take it from one place, labelcrm.core.addresses.
TRUSTED_PROXIES = env.integer("TRUSTED_PROXIES", default=0, maximum=10)
AXES_CLIENT_IP_CALLABLE = "labelcrm.core.addresses.client_address"
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

# -- Data -------------------------------------------------------------------------------------------------------
DATABASES = {"default": env.database()}
# One connection per thread, kept: a new one per request was measured 6 to 20 times slower.
DATABASES["default"]["CONN_MAX_AGE"] = None
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
CACHES = {
    "default": {
        "BACKEND": "labelcrm.core.cache.ForgivingRedisCache",
        "LOCATION": env.redis_url(),
        "OPTIONS": {"socket_timeout": 0.5, "socket_connect_timeout": 0.5},
    }
}
SESSION_ENGINE = "django.contrib.sessions.backends.db"
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024

# -- Celery -------------------------------------------------------------------------------------------------------
REDIS_URL = env.redis_url()
CELERY_BROKER_URL = env.broker_url()
# Long work has a queue and a worker process of its own, so that it never holds up the drain.
CELERY_TASK_ROUTES = {
    task: {"queue": "slow"}
    for task in (
        "core.run_job", "core.heartbeat_slow", "core.forget_old_jobs", "labels.flag_stale", "labels.check_projections",
        "labels.flag_contradictions", "labels.compact_days", "labels.follow_teams", "labels.draw_second_looks",
        "core.send_mails", "transfer.run_schedules", "transfer.forget_unfinished", "transfer.collect_conversions",
        "transfer.send_conversions", "transfer.send_briefs", "transfer.forget_old_briefs", "labels.learn_limits",
        "labels.train_suggestions",
    )
}  # fmt: skip
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "visibility_timeout": 600,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "health_check_interval": 10,
}
CELERY_TIMEZONE = env.time_zone("TIME_ZONE", default="Asia/Jakarta")

# -- E-mail (labelcrm.core.mails), off without EMAIL_HOST -------------------------------------------------------------
_server = env.mail_server(public_url=PUBLIC_URL)
EMAIL_HOST, EMAIL_PORT = _server.host, _server.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _server.user, _server.password
EMAIL_USE_TLS, EMAIL_USE_SSL = _server.starttls, _server.tls
EMAIL_TIMEOUT = 10  # seconds; it is sent by the worker of long work
DEFAULT_FROM_EMAIL = SERVER_EMAIL = _server.sender

# -- Language and time ----------------------------------------------------------------------------------------------
LANGUAGE_CODE = "id"
LANGUAGES = [("id", _("Indonesian")), ("en", _("English"))]
FORMAT_MODULE_PATH = "labelcrm.formats"
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = env.time_zone("TIME_ZONE", default="Asia/Jakarta")
USE_I18N = True
USE_TZ = True
PHONE_REGION = env.region("PHONE_REGION", default="ID")

# -- Static files -------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Served from where they lie: nothing is collected.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
MEDIA_ROOT = env.home() / "files"

# -- Browser security -------------------------------------------------------------------------------------------------
HTTPS = env.boolean("HTTPS", default=False)  # served through TLS: secure cookies, HSTS, redirect
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]  # probes speak to this process, not to the proxy
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_AGE = 60 * 60 * 24 * 7
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if env.boolean("BEHIND_TLS_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# unfold's Alpine needs 'unsafe-eval'; no inline script anywhere, no other origin ever.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, UNSAFE_EVAL],
        "style-src": [SELF, UNSAFE_INLINE],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}

# -- API ---------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "api.base.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["api.base.permissions.ModelPermissions"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["api.base.parsers.StrictJSONParser"],
    "DEFAULT_FILTER_BACKENDS": ["api.base.StrictFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "api.base.KeysetPagination",
    "DEFAULT_THROTTLE_CLASSES": ["api.base.TokenThrottle"],
    "DEFAULT_THROTTLE_RATES": {"token": "1200/min"},
    "NUM_PROXIES": TRUSTED_PROXIES,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "api.base.explain_exception",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "labelcrm API",
    "DESCRIPTION": "WhatsApp labels as data: who labelled whom, when, and what is active now.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "api.base.schema.describe_what_is_refused",
    ],
    # One name per vocabulary, whatever the fields are called that use it.
    "ENUM_NAME_OVERRIDES": {
        "ChannelStatusEnum": "contacts.models.channels.Channel.Status",
        "ColorFamilyEnum": "labels.models.canonical.ColorFamily",
        "ConversionStateEnum": "transfer.conversions.models.ConversionState",
        "ConversionTargetEnum": "transfer.conversions.models.Target",
        "DeliveryStateEnum": "transfer.conversions.models.DeliveryState",
        "EffectEnum": "labels.models.words.Effect",
        "ExportKindEnum": "transfer.models.ExportKind",
        "ImportKindEnum": "transfer.imports.headings.KINDS",
        "InboxStateEnum": "webhooks.models.InboundEvent.State",
        "JobStateEnum": "labelcrm.core.models.Job.State",
        "LabelMeaningEnum": "labels.models.canonical.Label.Meaning",
        "MethodEnum": "labels.models.words.Method",
        "OriginEnum": "labels.models.words.Origin",
        "TimeSourceEnum": "labels.models.words.TimeSource",
    },
}

# -- Webhooks and label rules (named as in docs/metrics.md) ------------------------------------------------------------
WEBHOOK_MAX_BYTES = env.integer("WEBHOOK_MAX_BYTES", default=1024 * 1024, minimum=1024)
GATEWAY_HOSTS = env.hosts("GATEWAY_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
RESYNC_MIN_ADDS = env.integer("RESYNC_MIN_ADDS", default=10)
RESYNC_WINDOW_SECONDS = env.integer("RESYNC_WINDOW_SECONDS", default=60)
MISTAP_SECONDS = env.integer("MISTAP_SECONDS", default=120, minimum=1, maximum=86_400)
HOLE_SECONDS = env.integer("HOLE_SECONDS", default=600, maximum=86_400)
CAMPAIGN_WINDOW_DAYS = env.integer("CAMPAIGN_WINDOW_DAYS", default=30, minimum=1, maximum=365)
NEVER_LABELLED_MINUTES = env.integer("NEVER_LABELLED_MINUTES", default=60, minimum=1, maximum=10_080)
GAP_SECONDS = env.integer("GAP_SECONDS", default=300, maximum=604_800)
SECOND_LOOK_SIZE = env.integer("SECOND_LOOK_SIZE", default=20, minimum=1, maximum=200)
INBOX_BODY_DAYS = env.integer("INBOX_BODY_DAYS", default=30)

# -- Logging -----------------------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "labelcrm.core.logs.OneLineFormatter", "format": "%(levelname)s %(name)s: %(message)s"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.log_level("LOG_LEVEL", default="INFO")},
    "loggers": {"axes": {"level": "WARNING"}, "django.request": {"level": "ERROR"}},
}
