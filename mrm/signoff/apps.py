from django.apps import AppConfig


class SignoffConfig(AppConfig):
    name = "mrm.signoff"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from mrm.audit.export import PINNED  # noqa: PLC0415  needs the apps
        from mrm.signoff import queries  # noqa: PLC0415  models must be loaded
        from mrm.signoff.models import SUBJECTS  # noqa: PLC0415
        from mrm.signoff.services import PolicyChange  # noqa: PLC0415

        PINNED.add("policies", queries.policy_bytes)
        SUBJECTS.add(PolicyChange.kind, PolicyChange())
