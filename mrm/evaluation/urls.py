"""Addresses of runs."""

from django.urls import path

from mrm.evaluation.api import choosing as choosing_api
from mrm.evaluation.api import comparison as comparison_api
from mrm.evaluation.api import converting as converting_api
from mrm.evaluation.api import inspection as inspection_api
from mrm.evaluation.api import permission as permission_api
from mrm.evaluation.api import runs as rest
from mrm.evaluation.views import choosing, comparing, converting, inspection, library, permission, runs

app_name = "evaluation"

urlpatterns = [
    path("", runs.runs, name="runs"),
    path("tests/", library.tests, name="tests"),
    path("tests/<slug:name>/", library.test, name="test"),
    path("start/<uuid:pk>/", runs.start, name="start"),
    path("convert/<uuid:pk>/", converting.convert, name="convert"),
    path("inspections/<uuid:pk>/ask/", inspection.inspect, name="inspect"),
    path("permissions/<uuid:pk>/ask/", permission.permit, name="permit"),
    path("permissions/<int:pk>/withdraw/", permission.withdraw, name="withdraw_permission"),
    path("compare/<uuid:pk>/", comparing.compare, name="compare"),
    path("comparisons/<uuid:pk>/", comparing.comparison, name="comparison"),
    path("comparisons/<uuid:pk>/progress/", comparing.progress, name="comparison_progress"),
    path("comparisons/<uuid:pk>/cancel/", comparing.cancel, name="cancel_comparison"),
    path("comparisons/<uuid:pk>/figures/<slug:name>.<slug:theme>.svg", comparing.figure, name="comparison_figure"),
    path("comparisons/<uuid:pk>/results.csv", comparing.results_csv, name="comparison_csv"),
    path("<uuid:pk>/", runs.run, name="run"),
    path("<uuid:pk>/progress/", runs.progress, name="progress"),
    path("<uuid:pk>/cancel/", runs.cancel, name="cancel"),
    path("<uuid:pk>/alternatives/propose/", choosing.propose, name="propose_alternative"),
    path("<uuid:pk>/alternatives/decide/", choosing.decide, name="decide_alternative"),
    path("<uuid:pk>/figures/<slug:name>.<slug:theme>.svg", runs.figure, name="figure"),
    path("<uuid:pk>/results.csv", runs.results_csv, name="results_csv"),
    path("<uuid:pk>/results.json", runs.results_json, name="results_json"),
]

api = [
    path("tests/", rest.Tests.as_view(), name="tests"),
    path("tests/<slug:name>/", rest.OneTest.as_view(), name="test"),
    path("versions/<uuid:pk>/runs/", rest.Runs.as_view(), name="runs"),
    path("versions/<uuid:pk>/suites/", rest.Suites.as_view(), name="suites"),
    path("versions/<uuid:pk>/conversions/", converting_api.Conversions.as_view(), name="conversions"),
    path("conversions/<int:pk>/", converting_api.OneConversion.as_view(), name="conversion"),
    path("versions/<uuid:pk>/inspections/", inspection_api.Inspections.as_view(), name="inspections"),
    path("versions/<uuid:pk>/permission/", permission_api.Permission.as_view(), name="permission"),
    path("permissions/<int:pk>/withdraw/", permission_api.WithdrawPermission.as_view(), name="withdraw_permission"),
    path("versions/<uuid:pk>/comparisons/", comparison_api.Comparisons.as_view(), name="comparisons"),
    path("comparisons/<uuid:pk>/", comparison_api.OneComparison.as_view(), name="comparison"),
    path("comparisons/<uuid:pk>/cancel/", comparison_api.CancelComparison.as_view(), name="cancel_comparison"),
    path("runs/<uuid:pk>/", rest.OneRun.as_view(), name="run"),
    path("runs/<uuid:pk>/cancel/", rest.Cancel.as_view(), name="cancel_run"),
    path("runs/<uuid:pk>/alternatives/", choosing_api.Choices.as_view(), name="alternatives"),
    path("runs/<uuid:pk>/alternatives/propose/", choosing_api.Propose.as_view(), name="propose_alternative"),
    path("runs/<uuid:pk>/alternatives/decide/", choosing_api.Decide.as_view(), name="decide_alternative"),
    path("runs/<uuid:pk>/figures/<slug:name>.svg", rest.FigureFile.as_view(), name="figure"),
]
