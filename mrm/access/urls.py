"""Addresses of people, roles, units and one's own account."""

from django.urls import path

from mrm.access import api as rest
from mrm.access import views, views_factors

app_name = "access"

urlpatterns = [
    path("", views.admin, name="admin"),
    path("all/", views.people, name="people"),
    path("add/", views.add_person, name="add_person"),
    path("find/", views.find_person, name="find_person"),
    path("roles/", views.roles, name="roles"),
    path("units/", views.units, name="units"),
    path("account/", views.account, name="account"),
    path("account/password/", views.change_password, name="change_password"),
    path("account/tokens/", views.issue_token, name="issue_token"),
    path("account/factors/", views_factors.factors, name="factors"),
    path("account/factors/app/", views_factors.begin_app, name="begin_app"),
    path("account/factors/app/enrol/", views_factors.enrol_app, name="enrol_app"),
    path("account/factors/key/", views_factors.begin_key, name="begin_key"),
    path("account/factors/key/enrol/", views_factors.enrol_key, name="enrol_key"),
    path("account/factors/codes/", views_factors.renew_codes, name="renew_codes"),
    path("account/factors/<int:pk>/name/", views_factors.name_key, name="name_key"),
    path("account/factors/<int:pk>/drop/", views_factors.drop_factor, name="drop_factor"),
    path("factors/<int:pk>/remove/", views_factors.remove_factor, name="remove_factor"),
    path("tokens/<uuid:pk>/revoke/", views.revoke_token, name="revoke_token"),
    path("accounts/<uuid:pk>/grant/", views.grant, name="grant"),
    path("accounts/<uuid:pk>/close/", views.deactivate, name="deactivate"),
    path("grants/<uuid:pk>/revoke/", views.revoke, name="revoke"),
    path("<uuid:pk>/", views.person, name="person"),
    path("<uuid:pk>/accounts/", views.add_account, name="add_account"),
]

api = [
    path("me/", rest.Me.as_view(), name="me"),
    path("units/", rest.Units.as_view(), name="units"),
    path("tokens/", rest.Tokens.as_view(), name="tokens"),
    path("tokens/<uuid:pk>/", rest.OneToken.as_view(), name="token"),
]
