from django.apps import AppConfig


class DeploymentConfig(AppConfig):
    name = "mrm.deployment"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from mrm.deployment import tasks  # noqa: F401, PLC0415  registers the kinds of job
