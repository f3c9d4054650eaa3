"""The connector to a receiver of yours that takes signed requests and says what it runs."""

from .connector import WebhookConnector

__all__ = ["WebhookConnector"]
