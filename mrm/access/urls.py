app_name = "access"
urlpatterns: list = []
api: list = []
