from django.apps import AppConfig


class EntitlementConfig(AppConfig):
    name = "mrm.entitlement"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from mrm.access.queries import PEOPLE_NOTES, PERSON_DOORS, PERSON_PANELS  # noqa: PLC0415  models must be loaded
        from mrm.entitlement import queries, services  # noqa: PLC0415
        from mrm.inventory.queries.tabs import MODEL_PANELS  # noqa: PLC0415
        from mrm.signoff.models import SUBJECTS  # noqa: PLC0415

        SUBJECTS.add(queries.KIND, services.RoleSubject())
        PERSON_DOORS.add("role-proposal", queries.proposal_door)
        PERSON_PANELS.add("1-role-proposals", queries.proposal_panel)
        PERSON_PANELS.add("2-exceptions", queries.person_exceptions)
        MODEL_PANELS.add("9-exceptions", queries.model_exceptions)
        PEOPLE_NOTES.add("role-proposals", queries.proposal_notes)
