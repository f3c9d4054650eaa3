"""The addresses of the application."""

from allauth.account import views as account
from allauth.mfa.base import views as second
from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView, TemplateView
from django_prometheus.exports import ExportToDjangoView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from mrm.access import urls as access
from mrm.approval import urls as approval
from mrm.assurance import urls as assurance
from mrm.deployment import urls as deployment
from mrm.discovery import urls as discovery
from mrm.entitlement import urls as entitlement
from mrm.evaluation import urls as evaluation
from mrm.inventory import urls as inventory
from mrm.jobs import urls as jobs
from mrm.prediction import urls as prediction
from mrm.privacy import urls as privacy
from mrm.project import health, single_sign_on, views
from mrm.reporting import urls as reporting
from mrm.signoff import urls as signoff
from mrm.validation import urls as validation

api = [
    *access.api,
    *inventory.api,
    *evaluation.api,
    *validation.api,
    *signoff.api,
    *approval.api,
    *deployment.api,
    *discovery.api,
    *prediction.api,
    *reporting.api,
    *assurance.api,
    *privacy.api,
    *entitlement.api,
    *jobs.api,
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="api:schema"), name="docs"),
]

urlpatterns = [
    path("", views.home, name="home"),
    path("find/", views.find, name="find"),
    path("sign-in/", account.login, name="account_login"),
    path("sign-in/second/", second.authenticate, name="mfa_authenticate"),
    path("sign-in/sso/", single_sign_on.begin, name="sso"),
    path("sign-in/sso/callback/", single_sign_on.callback, name="sso_callback"),
    path("sign-out/", account.logout, name="account_logout"),
    path("sign-up/", RedirectView.as_view(pattern_name="account_login"), name="account_signup"),
    path("timeline/", include("mrm.audit.urls")),
    path("models/", include("mrm.inventory.urls")),
    path("evaluations/", include("mrm.evaluation.urls")),
    path("validations/", include("mrm.validation.urls")),
    path("approvals/", include("mrm.signoff.urls")),
    path("conditions/", include("mrm.approval.urls")),
    path("accepted-risks/", include((approval.risks, "risks"))),
    path("deployments/", include("mrm.deployment.urls")),
    path("found/", include("mrm.discovery.urls")),
    path("predictions/", include("mrm.prediction.urls")),
    path("reports/", include("mrm.reporting.urls")),
    path("log/", include("mrm.assurance.urls")),
    path("oversight/", include((assurance.oversight, "oversight"))),
    path("privacy/", include("mrm.privacy.urls")),
    path("access/", include("mrm.entitlement.urls")),
    path("people/", include("mrm.access.urls")),
    path("jobs/", include("mrm.jobs.urls")),
    # one door each for signing in and out and for passwords: the one that leaves an event and asks for every factor
    path("records/login/", RedirectView.as_view(pattern_name="account_login")),
    path("records/logout/", RedirectView.as_view(pattern_name="account_logout")),
    path("records/password_change/", RedirectView.as_view(pattern_name="access:account")),
    path("records/", admin.site.urls),
    path("api/v1/", include((api, "api"))),
    path("healthz", health.alive),
    path("readyz", health.ready),
    path("metrics", ExportToDjangoView, name="metrics"),
]
handler500 = "mrm.project.middleware.failed"
if settings.SHOW_GALLERY:
    urlpatterns.append(path("gallery/", TemplateView.as_view(template_name="gallery.html")))
