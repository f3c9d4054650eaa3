from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "mrm.access"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from mrm.audit.queries import READERS  # noqa: PLC0415  models must be loaded

        READERS.add("access.account", lambda account, key: str(account.pk) == key)
