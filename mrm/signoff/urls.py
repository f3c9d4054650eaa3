app_name = "signoff"
urlpatterns: list = []
api: list = []
