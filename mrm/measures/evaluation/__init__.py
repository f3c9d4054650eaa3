"""One evaluation of one model on one data set, from files to results: what a worker calls.

`run` takes a `RunSpec` and gives a `RunOutcome`; each kind of test is a room with a `part`.
"""

from mrm.measures.evaluation.outcome import RunOutcome as RunOutcome
from mrm.measures.evaluation.pins import pins as pins
from mrm.measures.evaluation.run import run as run
from mrm.measures.evaluation.spec import KINDS as KINDS
from mrm.measures.evaluation.spec import RunSpec as RunSpec
