"""All settings, from the environment; what is missing or wrong fails at start with a hint."""

import os
from pathlib import Path
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.text import slugify

from mrm.access.single_sign_on import Provider, configured
from mrm.audit.anchors.places import FOLDER, TIME_STAMP, WITNESS, Place, beside, parse
from mrm.project.places import BASE, data_folder, socket_folder

env = environ.Env()

DATA_DIR = data_folder()
DEBUG = env.bool("MRM_DEBUG", False)
BANK_NAME = env.str("MRM_BANK_NAME", "Nordhaven Bank")
HOST_URL = env.str("MRM_HOST_URL", "http://127.0.0.1:8000")
_host = urlsplit(HOST_URL)
# security keys know us by a name, which a bare loopback address is not
RELYING_PARTY = "localhost" if _host.hostname in {"127.0.0.1", "::1"} else str(_host.hostname)
KEY_ORIGIN = f"{_host.scheme}://{RELYING_PARTY}{f':{_host.port}' if _host.port else ''}"
SHOW_GALLERY = env.bool("MRM_GALLERY", DEBUG)


def _secret_key() -> str:
    """From the environment, else made once and kept beside the data, readable by us alone."""
    if key := env.str("MRM_SECRET_KEY", ""):
        if len(key) < 50:
            raise ImproperlyConfigured(
                "MRM_SECRET_KEY needs 50 characters or more; make one with `openssl rand -hex 40`."
            )
        return str(key)
    path = DATA_DIR / "secret_key"
    if not path.exists():
        from django.core.management.utils import get_random_secret_key  # noqa: PLC0415  only on the first start

        DATA_DIR.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(get_random_secret_key())
    return path.read_text()


SECRET_KEY = _secret_key()
SECRET_KEY_FALLBACKS = env.list("MRM_SECRET_KEYS_BEFORE", default=[])  # they still open what they sealed
ALLOWED_HOSTS = env.list("MRM_ALLOWED_HOSTS", default=["127.0.0.1", "localhost"])
CSRF_FAILURE_VIEW = "mrm.project.middleware.out_of_date"
CSRF_TRUSTED_ORIGINS = env.list("MRM_TRUSTED_ORIGINS", default=[])
BEHIND_TLS = env.bool("MRM_TLS", False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_TLS
SESSION_COOKIE_AGE = 8 * 60 * 60
SECURE_HSTS_SECONDS = 31_536_000 if BEHIND_TLS else 0
if BEHIND_TLS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

INSTALLED_APPS = [
    "mrm.core.apps.CoreConfig",
    "mrm.audit.apps.AuditConfig",
    "mrm.access.apps.AccessConfig",
    "mrm.jobs.apps.JobsConfig",
    "mrm.signoff.apps.SignoffConfig",
    "mrm.inventory.apps.InventoryConfig",
    "mrm.evaluation.apps.EvaluationConfig",
    "mrm.validation.apps.ValidationConfig",
    "mrm.approval.apps.ApprovalConfig",
    "mrm.deployment.apps.DeploymentConfig",
    "mrm.prediction.apps.PredictionConfig",
    "mrm.discovery.apps.DiscoveryConfig",
    "mrm.reporting.apps.ReportingConfig",
    "mrm.privacy.apps.PrivacyConfig",
    "mrm.entitlement.apps.EntitlementConfig",
    "mrm.assurance.apps.AssuranceConfig",
    "mrm.project.apps.ProjectConfig",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "csp",
    "django_cotton",
    "django_htmx",
    "django_prometheus",
    "django_structlog",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "guardian",
    "rest_framework",
]

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "mrm.project.middleware.SignedInMiddleware",
    "mrm.project.middleware.RefusalMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

ROOT_URLCONF = "mrm.project.urls"
WSGI_APPLICATION = "mrm.project.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "django_cotton.cotton_loader.Loader",
                        "django.template.loaders.filesystem.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
            "builtins": [
                "django_cotton.templatetags.cotton",
                "django.templatetags.static",
                "django.templatetags.i18n",
                "mrm.project.templatetags.words",
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "mrm.project.context.page",
            ],
        },
    }
]

DB_ROLE = env.str("MRM_DB_ROLE", "app")
_ADDRESSES = {"app": "DATABASE_URL", "owner": "DATABASE_OWNER_URL", "log": "DATABASE_LOG_URL"}
if DB_ROLE not in _ADDRESSES:
    raise ImproperlyConfigured("MRM_DB_ROLE is app, owner or log.")
if env.str("DATABASE_URL", ""):
    if not env.str(_ADDRESSES[DB_ROLE], ""):
        needed = "Migrations run as the owner of the tables" if DB_ROLE == "owner" else "The sequencer has its own role"
        raise ImproperlyConfigured(f"{needed}: set {_ADDRESSES[DB_ROLE]} too.")
    DATABASES = {"default": env.db(_ADDRESSES[DB_ROLE])}
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "mrm",
            "USER": f"mrm_{DB_ROLE}",
            "HOST": str(socket_folder(DATA_DIR)),
        }
    }
DATABASES["default"] |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
DATABASES["default"].setdefault("OPTIONS", {})["connect_timeout"] = 5
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# the cache holds rate limits: in the database, so that they hold while the broker is away
CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "django_cache"}}

BROKER_URL = env.str("MRM_BROKER_URL", f"redis+socket://{socket_folder(DATA_DIR)}/valkey.sock?virtual_host=0")
STORAGE_URL = env.str("MRM_STORAGE_URL", f"file://{DATA_DIR}/blobs")
LARGEST_UPLOAD = env.int("MRM_LARGEST_UPLOAD", 512 * 1024 * 1024)

# what an artifact may have at most to be inspected, and what its inspection may take
INSPECTION = {
    "size": env.int("MRM_INSPECTION_SIZE", LARGEST_UPLOAD),
    "unpacked": env.int("MRM_INSPECTION_UNPACKED", 2 * 1024 * 1024 * 1024),
    "nodes": env.int("MRM_INSPECTION_NODES", 100_000),
    "seconds": env.int("MRM_INSPECTION_SECONDS", 300),
    "memory_mb": env.int("MRM_INSPECTION_MEMORY", 4_096),
}
# the scanner of an environment of its own, made by `manage.py install_modelscan`; required: without it nothing it
# reads is clean
MODELSCAN = {
    "program": Path(env.str("MRM_MODELSCAN", str(DATA_DIR / "tools" / "modelscan" / "bin" / "modelscan"))),
    "required": env.bool("MRM_MODELSCAN_REQUIRED", False),
}

# how much of the machine one query over a table may take; what does not fit into memory goes to the spill folder
TABLE_ENGINE = {
    "memory_limit": env("MRM_TABLE_MEMORY", default="1GB"),
    "threads": env.int("MRM_TABLE_THREADS", 2),
    "spill": Path(env("MRM_TABLE_SPILL", default=str(DATA_DIR / "spill"))),
}
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024
SCORING_HOSTS = env.list("MRM_SCORING_HOSTS", default=[])  # hosts to which rows of data may be sent for scoring
CONNECTORS = env.list(
    "MRM_CONNECTORS",
    default=[
        "embedded",
        "mlflow",
        "oip",
        "webhook",
        "gitops",
        "ray",
        "sagemaker",
        "kserve",
        "azureml",
        "vertex",
        "databricks",
        "folder",
    ],
)
CONNECTOR_FOLDERS = env.list("MRM_CONNECTOR_FOLDERS", default=[])  # where connectors may write, besides calling
# where gateways write down what they answered, and after how many days a day moves to the archive
PREDICTION_FOLDERS = [
    Path(each) for each in env.list("MRM_PREDICTION_FOLDERS", default=[str(DATA_DIR / "gateway" / "log")])
]
PREDICTION_ARCHIVE_DAYS = env.int("MRM_PREDICTION_ARCHIVE_DAYS", 30)
# how large a part of a data set is scored by one confined process, and what that may take
BATCH = {
    "part_rows": env.int("MRM_BATCH_PART_ROWS", 131_072),
    "seconds": env.int("MRM_BATCH_SECONDS", 600),
    "memory_mb": env.int("MRM_BATCH_MEMORY", 4_096),
    "backend_hours": env.float("MRM_BATCH_BACKEND_HOURS", 24.0),  # that the job of a serving place may take
}
LOG_KEY = Path(env.str("MRM_LOG_KEY", str(DATA_DIR / "secrets" / "log.key")))
LOG_ORIGIN = env.str("MRM_LOG_ORIGIN", f"{slugify(BANK_NAME)}.example/model-risk-log")


def _anchors() -> tuple[Place, ...]:
    """Where the log is anchored; with the embedded database, unless told otherwise, in a folder beside it."""
    if text := env.str("MRM_LOG_ANCHORS", ""):
        try:
            return parse(text)
        except ValueError as error:
            raise ImproperlyConfigured(f"MRM_LOG_ANCHORS: {error}") from error
    return () if env.str("DATABASE_URL", "") else (beside(DATA_DIR / "anchors"),)


LOG_ANCHORS = _anchors()
_every = env.float("MRM_LOG_ANCHOR_EVERY", 60.0)  # seconds between two checkpoints that are anchored
LOG_ANCHOR_EVERY = {FOLDER: _every, WITNESS: _every, TIME_STAMP: env.float("MRM_LOG_STAMP_EVERY", 3600.0)}
AUDIT_DOORBELL = "mrm.project.celery.ring"
AUDIT_WORK = "mrm.jobs.services.request_once"
JOBS_DOORBELL = "mrm.project.celery.ring_jobs"

AUTH_USER_MODEL = "access.Account"
AUTHENTICATION_BACKENDS = ["mrm.project.signin.AccountBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.ScryptPasswordHasher"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = LOGIN_URL
ACCOUNT_ADAPTER = "mrm.project.signin.Adapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_EMAIL_FIELD = None  # the address belongs to the person, not to the account
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_RATE_LIMITS = {"login": "60/m/ip", "login_failed": env.str("MRM_FAILED_SIGN_INS", "5/5m/key,20/5m/ip")}
MFA_ADAPTER = "mrm.project.signin.SecondFactors"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_WEBAUTHN_USER_VERIFICATION = "required"
MFA_FORMS = {
    "authenticate": "mrm.project.signin.CodeForm",
    "authenticate_webauthn": "mrm.project.signin.KeyForm",
}
SOCIALACCOUNT_ADAPTER = "mrm.project.single_sign_on.Arrivals"
SOCIALACCOUNT_ONLY = False
SOCIALACCOUNT_LOGIN_ON_GET = True  # a form that is sent on to another site would break the content policy


SSO_SETTINGS = (
    "MRM_SSO_ISSUER", "MRM_SSO_CLIENT_ID", "MRM_SSO_CLIENT_SECRET", "MRM_SSO_NAME", "MRM_SSO_GROUP_CLAIM",
    "MRM_SSO_ROLES", "MRM_SSO_PROVISION_IN",
)  # fmt: skip


def _single_sign_on() -> Provider | None:
    try:
        return configured({name: env.str(name, "") for name in SSO_SETTINGS})
    except ValueError as error:
        raise ImproperlyConfigured(str(error)) from error


SSO = _single_sign_on()
SILENCED_SYSTEM_CHECKS = ["guardian.W001"]  # exceptions are read as rows in queries, not through a backend
GUARDIAN_MONKEY_PATCH_USER = False
ANONYMOUS_USER_NAME = None

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["mrm.access.rest.TokenAuthentication", "mrm.access.rest.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PAGINATION_CLASS": "mrm.access.rest.Pages",
    "PAGE_SIZE": 50,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "mrm.access.rest.explain",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "COERCE_DECIMAL_TO_STRING": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Model risk management",
    "DESCRIPTION": "The same services as the pages, under the same rules. Errors carry `reasons`, each a sentence.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "RecordKindEnum": "mrm.inventory.models.model.RecordKind",
        "ValidationKindEnum": "mrm.validation.models.Kind",
        "ApprovalKindEnum": "mrm.approval.models.ApprovalKind",
        "SeverityEnum": "mrm.validation.models.Severity",
        "IncidentSeverityEnum": "mrm.deployment.policies.Severity",
        "IncidentKindEnum": "mrm.deployment.policies.Kind",
        "VariantRoleEnum": "mrm.deployment.models.VariantRole",
        "IncidentOutStatusEnum": "mrm.deployment.workflow.IncidentState",
        "OutcomeEnum": "mrm.validation.models.ValidationOutcome",
    },
}

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

STATIC_URL = "/static/"
STATIC_ROOT = env.str("MRM_STATIC_ROOT", None)  # for a server of one's own; else they are served from where they lie
STATICFILES_DIRS = [BASE / "mrm" / "project" / "static"]
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": DATA_DIR / "uploads"},
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

LANGUAGE_CODE = "en"
USE_TZ = True
COTTON_ISOLATE_BY_DEFAULT = True
TIME_ZONE = env.str("MRM_TIME_ZONE", "UTC")
USE_THOUSAND_SEPARATOR = False
LOCALE_PATHS = [BASE / "mrm" / "project" / "locale"]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "mrm.project.logs.formatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["console"], "level": env.str("MRM_LOG_LEVEL", "WARNING")},
}
PROMETHEUS_EXPORT_MIGRATIONS = False
os.environ.setdefault("PYTHONHASHSEED", "0")
