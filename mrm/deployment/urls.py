app_name = "deployment"
urlpatterns: list = []
api: list = []
