"""Addresses of the log and of the reports on duties."""

from django.urls import path

from mrm.assurance.api import duties as rest_duties
from mrm.assurance.api import log as rest
from mrm.assurance.views import duties
from mrm.assurance.views import log as views

app_name = "assurance"

urlpatterns = [
    path("", views.log, name="log"),
    path("checkpoint/", views.checkpoint, name="checkpoint"),
    path("models/<uuid:pk>/", views.as_of, name="as_of"),
    path("exports/ask/", views.ask, name="ask"),
    path("exports/ask/<uuid:pk>/", views.ask_for, name="ask_for"),
    path("exports/<uuid:pk>/", views.export, name="export"),
    path("exports/<uuid:pk>/progress/", views.progress, name="progress"),
    path("exports/<uuid:pk>/file/", views.download, name="download"),
]

oversight = [
    path("", duties.attempts, name="attempts"),
    path("attempts.csv", duties.attempts_csv, name="attempts_csv"),
    path("ageing/", duties.ageing, name="ageing"),
    path("ageing.csv", duties.ageing_csv, name="ageing_csv"),
    path("decided.csv", duties.decided_csv, name="decided_csv"),
    path("roles/", duties.roles, name="roles"),
    path("roles.csv", duties.roles_csv, name="roles_csv"),
]

api = [
    path("oversight/attempts/", rest_duties.Attempts.as_view(), name="oversight_attempts"),
    path("oversight/pairs/", rest_duties.Pairs.as_view(), name="oversight_pairs"),
    path("oversight/parts/", rest_duties.DoubleParts.as_view(), name="oversight_parts"),
    path("oversight/ageing/", rest_duties.Ageing.as_view(), name="oversight_ageing"),
    path("oversight/decisions/", rest_duties.Paces.as_view(), name="oversight_decisions"),
    path("oversight/roles/", rest_duties.RolesHeld.as_view(), name="oversight_roles"),
    path("log/", rest.Log.as_view(), name="log"),
    path("log/exports/", rest.Exports.as_view(), name="log_exports"),
    path("log/exports/<uuid:pk>/", rest.OneExport.as_view(), name="log_export"),
    path("log/exports/<uuid:pk>/file/", rest.ExportFile.as_view(), name="log_export_file"),
    path("events/<uuid:pk>/receipt/", rest.Receipt.as_view(), name="event_receipt"),
]
