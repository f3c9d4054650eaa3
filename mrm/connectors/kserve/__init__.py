"""The connector to KServe, through the Kubernetes API."""

from .connector import KserveConnector

__all__ = ["KserveConnector"]
