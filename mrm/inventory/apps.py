from django.apps import AppConfig


class InventoryConfig(AppConfig):
    name = "mrm.inventory"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from mrm.audit.queries import READERS  # noqa: PLC0415  models must be loaded
        from mrm.inventory import queries  # noqa: PLC0415
        from mrm.inventory.services import SIGNED  # noqa: PLC0415
        from mrm.signoff.models import SUBJECTS  # noqa: PLC0415

        READERS.add("inventory.model", lambda account, key: queries.models_visible_to(account).filter(pk=key).exists())
        for subject in SIGNED:
            SUBJECTS.add(subject.kind, subject)
