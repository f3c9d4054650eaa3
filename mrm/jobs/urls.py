app_name = "jobs"
urlpatterns: list = []
api: list = []
