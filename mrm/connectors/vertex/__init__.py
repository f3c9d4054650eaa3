"""The connector to endpoints of Google Vertex AI."""

from .connector import VertexConnector

__all__ = ["VertexConnector"]
