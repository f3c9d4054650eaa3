app_name = "inventory"
urlpatterns: list = []
api: list = []
