app_name = "reporting"
urlpatterns: list = []
api: list = []
