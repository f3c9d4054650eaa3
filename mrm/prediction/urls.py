"""Routes of pages and API."""

from django.urls import path

from mrm.prediction.api import extracts as json_extracts
from mrm.prediction.api import log as json
from mrm.prediction.views import extracts, log

app_name = "prediction"
urlpatterns = [
    path("", log.predictions, name="predictions"),
    path("find/", log.find, name="find"),
    path("tail/", log.tail, name="tail"),
    path("alerts/<uuid:pk>/close/", log.close_alert, name="close_alert"),
    path("extracts/", extracts.extracts, name="extracts"),
    path("extracts/<uuid:pk>/", extracts.extract, name="extract"),
    path("extracts/<uuid:pk>/progress/", extracts.progress, name="extract_progress"),
    path("extracts/<uuid:pk>/file/", extracts.download, name="extract_file"),
    path("requests/<path:request_id>/", log.decision, name="decision"),
]

api = [
    path("predictions/", json.Predictions.as_view(), name="predictions"),
    path("predictions/counts/", json.Counts.as_view(), name="prediction_counts"),
    path("predictions/requests/<path:request_id>/", json.Decisions.as_view(), name="prediction_decisions"),
    path("prediction-alerts/", json.Alerts.as_view(), name="prediction_alerts"),
    path("prediction-alerts/<uuid:pk>/close/", json.CloseAlert.as_view(), name="close_prediction_alert"),
    path("models/<uuid:pk>/prediction-extracts/", json_extracts.Extracts.as_view(), name="prediction_extracts"),
    path("prediction-extracts/<uuid:pk>/", json_extracts.ExtractDetail.as_view(), name="prediction_extract"),
    path("prediction-extracts/<uuid:pk>/file/", json_extracts.ExtractFile.as_view(), name="prediction_extract_file"),
]
