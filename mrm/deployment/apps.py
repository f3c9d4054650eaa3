from django.apps import AppConfig


class DeploymentConfig(AppConfig):
    name = "mrm.deployment"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from mrm.approval.queries import ENVIRONMENTS  # noqa: PLC0415  models must be loaded
        from mrm.deployment import tasks, views  # noqa: F401, PLC0415  tasks registers the kinds of job
        from mrm.deployment.queries import RELEASE, environment_names  # noqa: PLC0415
        from mrm.deployment.services import Release  # noqa: PLC0415
        from mrm.inventory.queries.tabs import MODEL_PANELS, TABS, Tab  # noqa: PLC0415  models must be loaded
        from mrm.signoff.models import SUBJECTS  # noqa: PLC0415

        SUBJECTS.add(RELEASE, Release())
        ENVIRONMENTS.add("deployment", environment_names)
        TABS.add(
            "2-deployments", Tab("Deployments", "deployment:of_model", lambda model, _account: model.deployments.all())
        )
        MODEL_PANELS.add("2-deployments", views.panel)
