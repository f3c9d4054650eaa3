from django.urls import path

from mrm.validation import api as rest
from mrm.validation import views

app_name = "validation"

urlpatterns = [
    path("", views.validations, name="validations"),
    path("request/<uuid:pk>/", views.ask, name="request"),
    path("model/<uuid:pk>/", views.model, name="model"),
    path("findings/", views.findings, name="findings"),
    path("findings/<uuid:pk>/", views.finding, name="finding"),
    path("findings/<uuid:pk>/file/", views.remediation_file, name="remediation-file"),
    path("findings/<uuid:pk>/<slug:name>/", views.move, name="move"),
    path("evidence/<int:pk>/", views.evidence_file, name="evidence-file"),
    path("<uuid:pk>/", views.validation, name="validation"),
    path("<uuid:pk>/take/", views.take, name="take"),
    path("<uuid:pk>/plan/", views.plan, name="plan"),
    path("<uuid:pk>/evidence/", views.evidence, name="evidence"),
    path("<uuid:pk>/runs/<str:run>/", views.attach, name="attach"),
    path("<uuid:pk>/finding/", views.raise_finding, name="raise"),
    path("<uuid:pk>/owners/", views.find_owner, name="find_owner"),
    path("<uuid:pk>/conclude/", views.conclude, name="conclude"),
]

api = [
    path("versions/<uuid:pk>/validations/", rest.OfVersion.as_view(), name="version-validations"),
    path("validations/<uuid:pk>/", rest.One.as_view(), name="validation"),
    path("validations/<uuid:pk>/take/", rest.Take.as_view(), name="take"),
    path("validations/<uuid:pk>/plan/", rest.Plan.as_view(), name="plan"),
    path("validations/<uuid:pk>/evidence/", rest.AddEvidence.as_view(), name="evidence"),
    path("validations/<uuid:pk>/findings/", rest.RaiseFinding.as_view(), name="raise-finding"),
    path("validations/<uuid:pk>/conclude/", rest.Conclude.as_view(), name="conclude"),
    path("findings/", rest.Findings.as_view(), name="findings"),
    path("findings/<uuid:pk>/", rest.OneFinding.as_view(), name="finding"),
    path("findings/<uuid:pk>/<slug:move>/", rest.MoveFinding.as_view(), name="move-finding"),
]
