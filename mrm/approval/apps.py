from django.apps import AppConfig


class ApprovalConfig(AppConfig):
    name = "mrm.approval"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from mrm.approval import queries, views  # noqa: PLC0415  models must be loaded
        from mrm.approval.services import EmergencyUse, InterimUse, PolicyException, VersionUse  # noqa: PLC0415
        from mrm.inventory.queries.tabs import SEALS, TABS, VERSION_PANELS, Tab  # noqa: PLC0415
        from mrm.signoff.models import SUBJECTS  # noqa: PLC0415

        SUBJECTS.add("version_use", VersionUse())
        SUBJECTS.add("version_interim", InterimUse())
        SUBJECTS.add("version_emergency", EmergencyUse())
        SUBJECTS.add(PolicyException.kind, PolicyException())
        SEALS.add("approval", views.seal)
        VERSION_PANELS.add("2-approval", views.panel)
        TABS.add("2-risks", Tab("Accepted risks", "risks:of_model", queries.risks_of))
