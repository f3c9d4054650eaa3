"""The connector to a folder of model files: it lists them, nothing is served there."""

from .connector import FolderConnector

__all__ = ["FolderConnector"]
