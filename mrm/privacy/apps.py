from django.apps import AppConfig


class PrivacyConfig(AppConfig):
    name = "mrm.privacy"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from mrm.access.queries import PERSON_DOORS  # noqa: PLC0415  models must be loaded
        from mrm.privacy import queries, services  # noqa: PLC0415
        from mrm.signoff.models import SUBJECTS  # noqa: PLC0415

        SUBJECTS.add("erasure", services.ErasureSubject())
        PERSON_DOORS.add("erasure", queries.door)
