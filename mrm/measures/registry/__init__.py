"""The tests that there are: what each asks, of which models, and what it cannot tell. Data, and no computing.

A suite names tests by id; a run carries them out; a result leads back to the entry of its measure.
"""

from mrm.measures.registry.check import problems_of_suite as problems_of_suite
from mrm.measures.registry.check import settled as settled
from mrm.measures.registry.entry import MODEL_KINDS as MODEL_KINDS
from mrm.measures.registry.entry import NEEDS as NEEDS
from mrm.measures.registry.entry import PILLARS as PILLARS
from mrm.measures.registry.entry import Entry as Entry
from mrm.measures.registry.tests import KINDS as KINDS
from mrm.measures.registry.tests import MEASURES as MEASURES
from mrm.measures.registry.tests import TESTS as TESTS
