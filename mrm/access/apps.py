from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "mrm.access"
    default_auto_field = "django.db.models.BigAutoField"
