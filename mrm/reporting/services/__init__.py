"""Named changes to documents; the printing itself is in `render`, which only workers load."""

from mrm.reporting.services.bom import bill_of_materials
from mrm.reporting.services.document import download, fail, file_after_approval, give_up, issue, request, verify_file

__all__ = ["bill_of_materials", "download", "fail", "file_after_approval", "give_up", "issue", "request", "verify_file"]
