app_name = "validation"
urlpatterns: list = []
api: list = []
