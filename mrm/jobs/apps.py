from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "mrm.jobs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from mrm.audit.work import WORK  # noqa: PLC0415  needs the apps
        from mrm.jobs.kinds import KINDS, Kind  # noqa: PLC0415  the same

        for kind, work in WORK.items():
            KINDS.add(kind, Kind(work))
