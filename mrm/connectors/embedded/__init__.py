"""The connector to our own gateway."""

from .connector import EmbeddedConnector

__all__ = ["EmbeddedConnector"]
