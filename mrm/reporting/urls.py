"""Addresses of documents."""

from django.urls import path

from mrm.reporting import api as rest
from mrm.reporting import views

app_name = "reporting"

urlpatterns = [
    path("", views.documents, name="documents"),
    path("ask/", views.ask, name="ask"),
    path("ask/<uuid:pk>/", views.ask_for, name="ask_for"),
    path("runs/<uuid:pk>/<slug:kind>/", views.ask_about, name="ask_about"),
    path("versions/", views.find_version, name="find_version"),
    path("verify/", views.verify, name="verify"),
    path("verify/<str:ref>/", views.verify, name="verify_ref"),
    path("bill-of-materials/<uuid:pk>/", views.bill_of_materials, name="bill_of_materials"),
    path("models/<uuid:pk>/", views.of_model, name="of_model"),
    path("<uuid:pk>/", views.document, name="document"),
    path("<uuid:pk>/again/", views.again, name="again"),
    path("<uuid:pk>/progress/", views.progress, name="progress"),
    path("<uuid:pk>/file/", views.download, name="download"),
]

api = [
    path("versions/<uuid:pk>/reports/", rest.Reports.as_view(), name="reports"),
    path("versions/<uuid:pk>/bill-of-materials/", rest.BillOfMaterials.as_view(), name="bill_of_materials"),
    path("runs/<uuid:pk>/reports/", rest.RunReports.as_view(), name="run_reports"),
    path("reports/<uuid:pk>/", rest.OneReport.as_view(), name="report"),
    path("reports/<uuid:pk>/file/", rest.ReportFile.as_view(), name="report_file"),
]
