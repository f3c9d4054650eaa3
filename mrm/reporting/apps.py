from django.apps import AppConfig


class ReportingConfig(AppConfig):
    name = "mrm.reporting"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from mrm.evaluation.queries import RUN_PANELS  # noqa: PLC0415  needs the apps
        from mrm.inventory.queries.tabs import TABS, VERSION_PANELS, Tab  # noqa: PLC0415
        from mrm.reporting import queries, tasks, views  # noqa: F401, PLC0415  registers the kinds of job

        TABS.add("documents", Tab("Documents", "reporting:of_model", queries.documents_of))
        RUN_PANELS.add("1-reports", views.run_panel)
        VERSION_PANELS.add("reports", views.version_panel)
