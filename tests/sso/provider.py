"""A real OpenID provider on loopback: django-oauth-toolkit in a process of its own, PKCE required, RS256.

    python -m tests.sso.provider FOLDER PORT CLIENT_ID SECRET REDIRECT_URI

FOLDER/people.json names its people with their claims and is read again for every token; FOLDER/told.json, when there,
replaces claims of the next id tokens, for the tests of what must not be believed.
"""

import json
import sys
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.conf import settings

PASSWORD = "provider's own password"
FORM = "<form method=post>{% csrf_token %}{{ form.as_p }}<button>Sign in</button></form>"


def _pem() -> str:
    key = rsa.generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _configure(folder: Path, address: str) -> None:
    settings.configure(
        SECRET_KEY="of the provider alone, for tests on loopback only",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF="tests.sso.provider_urls",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "provider.sqlite3"}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        LOGIN_URL="/login/",
        SESSION_COOKIE_NAME="provider_session",
        CSRF_COOKIE_NAME="provider_csrf",
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "oauth2_provider",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {
                    "loaders": [("django.template.loaders.locmem.Loader", {"registration/login.html": FORM})],
                    "context_processors": ["django.template.context_processors.request"],
                },
            }
        ],
        OAUTH2_PROVIDER={
            "OIDC_ENABLED": True,
            "OIDC_ISS_ENDPOINT": f"{address}/o",
            "OIDC_RSA_PRIVATE_KEY": _pem(),
            "OAUTH2_VALIDATOR_CLASS": "tests.sso.provider_claims.Claims",
            "PKCE_REQUIRED": True,
            "SCOPES": {"openid": "Who", "profile": "Name", "email": "Address"},
        },
        PEOPLE=folder / "people.json",
        TOLD=folder / "told.json",
    )


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


def main(folder: str, port: str, client_id: str, secret: str, redirect_uri: str) -> None:
    address = f"http://127.0.0.1:{port}"
    _configure(Path(folder), address)
    django.setup()
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application
    from oauth2_provider.models import get_application_model

    call_command("migrate", verbosity=0)
    for name in json.loads(settings.PEOPLE.read_text()):
        get_user_model().objects.create_user(name, password=PASSWORD)
    get_application_model().objects.create(
        client_id=client_id, client_secret=secret, client_type="confidential", algorithm="RS256", skip_authorization=True,
        authorization_grant_type="authorization-code", redirect_uris=redirect_uri, name="Model risk management",
    )  # fmt: skip
    with make_server("127.0.0.1", int(port), get_wsgi_application(), handler_class=Quiet) as server:
        sys.stdout.write("Ready\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
