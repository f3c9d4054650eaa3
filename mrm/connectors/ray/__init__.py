"""The connector to Ray Serve."""

from .connector import RayConnector

__all__ = ["RayConnector"]
