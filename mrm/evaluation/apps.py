from django.apps import AppConfig


class EvaluationConfig(AppConfig):
    name = "mrm.evaluation"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from mrm.evaluation import tasks, views  # noqa: F401, PLC0415  registers the kinds of job
        from mrm.evaluation.queries import RUN_PANELS  # noqa: PLC0415
        from mrm.inventory.queries.tabs import VERSION_PANELS  # noqa: PLC0415  needs the apps

        VERSION_PANELS.add("1-inspection", views.inspection_panel)
        VERSION_PANELS.add("conversion", views.conversion_panel)
        VERSION_PANELS.add("evaluation", views.version_panel)
        RUN_PANELS.add("1-alternatives", views.choice_panel)
