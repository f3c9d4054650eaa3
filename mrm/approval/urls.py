app_name = "approval"
urlpatterns: list = []
api: list = []
