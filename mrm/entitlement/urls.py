"""Addresses of entitlements."""

from django.urls import path

from mrm.entitlement.api import exception as rest_exceptions
from mrm.entitlement.api import proposal as rest
from mrm.entitlement.api import review as rest_reviews
from mrm.entitlement.views import exception as exceptions
from mrm.entitlement.views import proposal as proposals
from mrm.entitlement.views import review as reviews

app_name = "entitlement"

urlpatterns = [
    path("proposals/", proposals.proposals, name="proposals"),
    path("proposals/<uuid:pk>/", proposals.proposal, name="proposal"),
    path("people/<uuid:pk>/propose/", proposals.propose, name="propose"),
    path("exceptions/", exceptions.exceptions, name="exceptions"),
    path("exceptions.csv", exceptions.exceptions_csv, name="exceptions_csv"),
    path("exceptions/<int:pk>/end/", exceptions.end_exception, name="end_exception"),
    path("reviews/", reviews.reviews, name="reviews"),
    path("reviews/open/", reviews.open_review, name="open_review"),
    path("reviews/<int:pk>/", reviews.review, name="review"),
    path("reviews/<int:pk>/export.csv", reviews.export, name="review_csv"),
    path("reviews/<int:pk>/substitute/", reviews.name_substitute, name="name_substitute"),
    path("reviews/<int:pk>/mine/", reviews.mine, name="my_review"),
    path("reviews/<int:pk>/confirm/", reviews.confirm, name="confirm"),
    path("reviews/items/<int:pk>/revoke/", reviews.revoke, name="revoke_item"),
    path("reviews/<int:pk>/attest/", reviews.attest, name="attest"),
    path("models/<uuid:pk>/open/", exceptions.open_model, name="open_model"),
]

api = [
    path("exceptions/", rest_exceptions.Exceptions.as_view(), name="exceptions"),
    path("exceptions/<int:pk>/end/", rest_exceptions.EndOfException.as_view(), name="end_exception"),
    path("access-reviews/", rest_reviews.Reviews.as_view(), name="access_reviews"),
    path("access-reviews/<int:pk>/", rest_reviews.OneReview.as_view(), name="access_review"),
    path("access-reviews/<int:pk>/substitute/", rest_reviews.Substitute.as_view(), name="access_review_substitute"),
    path("access-reviews/<int:pk>/items/", rest_reviews.Items.as_view(), name="access_review_items"),
    path("access-reviews/<int:pk>/confirm/", rest_reviews.Confirm.as_view(), name="access_review_confirm"),
    path("access-reviews/<int:pk>/revoke/", rest_reviews.Revoke.as_view(), name="access_review_revoke"),
    path("access-reviews/<int:pk>/statement/", rest_reviews.Statement.as_view(), name="access_review_statement"),
    path("access-reviews/<int:pk>/attest/", rest_reviews.Attest.as_view(), name="access_review_attest"),
    path("role-proposals/", rest.Proposals.as_view(), name="role_proposals"),
    path("role-proposals/<uuid:pk>/", rest.OneProposal.as_view(), name="role_proposal"),
]
