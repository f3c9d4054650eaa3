"""The addresses of the application."""

urlpatterns: list = []
