from django.apps import AppConfig


class AssuranceConfig(AppConfig):
    name = "mrm.assurance"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from mrm.assurance import tasks  # noqa: F401, PLC0415  registers the kinds of job
        from mrm.inventory.queries.tabs import TABS, Tab  # noqa: PLC0415  models must be loaded

        TABS.add("past", Tab("As of", "assurance:as_of"))
