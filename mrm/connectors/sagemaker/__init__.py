"""The connector to Amazon SageMaker endpoints."""

from .connector import SagemakerConnector

__all__ = ["SagemakerConnector"]
