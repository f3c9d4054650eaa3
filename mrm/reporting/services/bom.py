"""Hand out the bill of materials of a version."""

import hashlib

from mrm.access.models import Account
from mrm.audit.trail import audited, describe
from mrm.core.actors import permit
from mrm.core.refusal import Refused
from mrm.inventory.models import Version
from mrm.reporting import policies, queries


@audited("reporting.bill_of_materials", "downloaded the bill of materials of {subject}")
def bill_of_materials(version: Version, *, actor: Account) -> bytes:
    """The bill as a file; who took it, and the digest of what he took, is on record."""
    permit(actor, "view", version)
    if reason := policies.why_no_bill(version):
        raise Refused(reason)
    bill = queries.bill_of_materials(version)
    content = queries.as_file(bill)
    describe(serial_number=bill["serialNumber"], sha256=hashlib.sha256(content).hexdigest())
    return content
