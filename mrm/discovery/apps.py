from django.apps import AppConfig


class DiscoveryConfig(AppConfig):
    name = "mrm.discovery"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from mrm.deployment.queries import PLACE_PANELS  # noqa: PLC0415  models must be loaded
        from mrm.discovery import tasks, views  # noqa: F401, PLC0415  tasks registers the kinds of job

        PLACE_PANELS.add("1-found", views.panel)
