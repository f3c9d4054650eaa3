app_name = "evaluation"
urlpatterns: list = []
api: list = []
