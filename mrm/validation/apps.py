from django.apps import AppConfig


class ValidationConfig(AppConfig):
    name = "mrm.validation"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from mrm.evaluation.queries import RUN_PANELS  # noqa: PLC0415  models must be loaded
        from mrm.inventory.queries.tabs import TABS, VERSION_PANELS, Tab  # noqa: PLC0415
        from mrm.signoff.models import SUBJECTS  # noqa: PLC0415
        from mrm.validation import queries, views  # noqa: PLC0415
        from mrm.validation.services import SIGNED  # noqa: PLC0415

        for subject in SIGNED:
            SUBJECTS.add(subject.kind, subject)
        TABS.add("1-validation", Tab("Validation and findings", "validation:model", queries.open_findings_of))
        VERSION_PANELS.add("1-validation", views.panel)
        RUN_PANELS.add("2-validation", views.run_panel)
