"""Addresses of runs."""

from django.urls import path

from mrm.evaluation import api as rest
from mrm.evaluation import views

app_name = "evaluation"

urlpatterns = [
    path("", views.runs, name="runs"),
    path("start/<uuid:pk>/", views.start, name="start"),
    path("<uuid:pk>/", views.run, name="run"),
    path("<uuid:pk>/progress/", views.progress, name="progress"),
    path("<uuid:pk>/cancel/", views.cancel, name="cancel"),
    path("<uuid:pk>/figures/<slug:name>.<slug:theme>.svg", views.figure, name="figure"),
    path("<uuid:pk>/results.csv", views.results_csv, name="results_csv"),
    path("<uuid:pk>/results.json", views.results_json, name="results_json"),
]

api = [
    path("versions/<uuid:pk>/runs/", rest.Runs.as_view(), name="runs"),
    path("versions/<uuid:pk>/suites/", rest.Suites.as_view(), name="suites"),
    path("runs/<uuid:pk>/", rest.OneRun.as_view(), name="run"),
    path("runs/<uuid:pk>/cancel/", rest.Cancel.as_view(), name="cancel_run"),
    path("runs/<uuid:pk>/figures/<slug:name>.svg", rest.FigureFile.as_view(), name="figure"),
]
