from django.apps import AppConfig


class EvaluationConfig(AppConfig):
    name = "mrm.evaluation"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from mrm.evaluation import tasks  # noqa: F401, PLC0415  registers the kinds of job
