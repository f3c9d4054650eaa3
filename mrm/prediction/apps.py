from django.apps import AppConfig


class PredictionConfig(AppConfig):
    name = "mrm.prediction"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from mrm.deployment.queries import WORK  # noqa: PLC0415  models must be loaded
        from mrm.inventory.queries.tabs import VERSION_PANELS  # noqa: PLC0415  models must be loaded
        from mrm.prediction import queries, tasks  # noqa: F401, PLC0415  tasks registers the kinds of job
        from mrm.prediction.views.batch import version_panel  # noqa: PLC0415  the same

        WORK.add("batch", queries.scored_at)
        VERSION_PANELS.add("3-batch", version_panel)
