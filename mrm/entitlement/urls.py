"""Addresses of entitlements."""

from django.urls import path

from mrm.entitlement.api import exception as rest_exceptions
from mrm.entitlement.api import proposal as rest
from mrm.entitlement.views import exception as exceptions
from mrm.entitlement.views import proposal as proposals

app_name = "entitlement"

urlpatterns = [
    path("proposals/", proposals.proposals, name="proposals"),
    path("proposals/<uuid:pk>/", proposals.proposal, name="proposal"),
    path("people/<uuid:pk>/propose/", proposals.propose, name="propose"),
    path("exceptions/", exceptions.exceptions, name="exceptions"),
    path("exceptions.csv", exceptions.exceptions_csv, name="exceptions_csv"),
    path("exceptions/<int:pk>/end/", exceptions.end_exception, name="end_exception"),
    path("models/<uuid:pk>/open/", exceptions.open_model, name="open_model"),
]

api = [
    path("exceptions/", rest_exceptions.Exceptions.as_view(), name="exceptions"),
    path("exceptions/<int:pk>/end/", rest_exceptions.EndOfException.as_view(), name="end_exception"),
    path("role-proposals/", rest.Proposals.as_view(), name="role_proposals"),
    path("role-proposals/<uuid:pk>/", rest.OneProposal.as_view(), name="role_proposal"),
]
