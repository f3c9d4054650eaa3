from django.apps import AppConfig


class InventoryConfig(AppConfig):
    name = "mrm.inventory"
    default_auto_field = "django.db.models.BigAutoField"
