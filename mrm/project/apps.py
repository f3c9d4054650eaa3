from django.apps import AppConfig


class ProjectConfig(AppConfig):
    name = "mrm.project"
    label = "project"
