app_name = "audit"
urlpatterns: list = []
api: list = []
