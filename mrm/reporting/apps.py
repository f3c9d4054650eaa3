from django.apps import AppConfig


class ReportingConfig(AppConfig):
    name = "mrm.reporting"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from mrm.inventory.queries.tabs import TABS, Tab  # noqa: PLC0415  needs the apps
        from mrm.reporting import queries, tasks  # noqa: F401, PLC0415  registers the kinds of job

        TABS.add("documents", Tab("Documents", "reporting:of_model", queries.documents_of))
