"""The connector to Databricks Model Serving."""

from .connector import DatabricksConnector

__all__ = ["DatabricksConnector"]
