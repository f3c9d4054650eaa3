from django.apps import AppConfig


class ReportingConfig(AppConfig):
    name = "mrm.reporting"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from mrm.reporting import tasks  # noqa: F401, PLC0415  registers the kinds of job
