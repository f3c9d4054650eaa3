"""Named changes to documents; the printing itself is in `render`, which only workers load."""

from mrm.reporting.services.document import download, fail, file_after_approval, give_up, issue, request, verify_file

__all__ = ["download", "fail", "file_after_approval", "give_up", "issue", "request", "verify_file"]
