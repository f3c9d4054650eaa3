"""Routes of pages and API."""

from django.urls import path

from mrm.prediction.api import batch as json_batch
from mrm.prediction.api import extracts as json_extracts
from mrm.prediction.api import log as json
from mrm.prediction.views import batch, extracts, log

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
    path("batches/", batch.batches, name="batches"),
    path("batches/start/<uuid:pk>/", batch.start, name="start_batch"),
    path("batches/<uuid:pk>/", batch.batch, name="batch"),
    path("batches/<uuid:pk>/progress/", batch.progress, name="batch_progress"),
    path("batches/<uuid:pk>/cancel/", batch.cancel, name="cancel_batch"),
    path("batches/<uuid:pk>/file/", batch.download, name="batch_file"),
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
    path("versions/<uuid:pk>/batch-runs/", json_batch.VersionBatches.as_view(), name="version_batch_runs"),
    path("batch-runs/", json_batch.Batches.as_view(), name="batch_runs"),
    path("batch-runs/<uuid:pk>/", json_batch.BatchDetail.as_view(), name="batch_run"),
    path("batch-runs/<uuid:pk>/cancel/", json_batch.CancelBatch.as_view(), name="cancel_batch_run"),
    path("batch-runs/<uuid:pk>/parts/", json_batch.Parts.as_view(), name="batch_run_parts"),
    path("batch-runs/<uuid:pk>/rows/<path:row>/", json_batch.Rows.as_view(), name="batch_run_rows"),
    path("batch-runs/<uuid:pk>/file/", json_batch.BatchFile.as_view(), name="batch_run_file"),
]
