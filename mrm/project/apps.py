from django.apps import AppConfig


class ProjectConfig(AppConfig):
    name = "mrm.project"
    label = "project"

    def ready(self) -> None:
        from mrm.project import reactions  # noqa: F401, PLC0415  says which events go to the outbox
