from mrm.audit.records import show
from mrm.jobs.models import Job

show(Job)
