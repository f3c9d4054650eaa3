from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "mrm.audit"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from mrm.audit import checks  # noqa: F401, PLC0415  registers the system checks
