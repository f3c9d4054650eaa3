from django.apps import AppConfig


class PredictionConfig(AppConfig):
    name = "mrm.prediction"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from mrm.prediction import tasks  # noqa: F401, PLC0415  tasks registers the kinds of job
