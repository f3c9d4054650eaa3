"""Named changes: take files in, make and archive days, alerts, extracts, data sets scored as a whole."""

from mrm.prediction.services.alerts import close_alert, raise_alert
from mrm.prediction.services.archiving import archive, archive_day, archive_due
from mrm.prediction.services.batch import cancel_batch, download_batch, give_up_batch, start_batch
from mrm.prediction.services.checking import check_a_share, check_archives
from mrm.prediction.services.days import make_days, make_ready
from mrm.prediction.services.extracting import carry_out, download_extract, give_up_extract, request_extract
from mrm.prediction.services.taking import Taken, take

__all__ = [
    "Taken",
    "archive",
    "archive_day",
    "archive_due",
    "cancel_batch",
    "carry_out",
    "check_a_share",
    "check_archives",
    "close_alert",
    "download_batch",
    "download_extract",
    "give_up_batch",
    "give_up_extract",
    "make_days",
    "make_ready",
    "raise_alert",
    "request_extract",
    "start_batch",
    "take",
]
