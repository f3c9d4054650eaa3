from mrm.audit.models import Change, Event
from mrm.audit.records import show

show(Event, Change, without=("payload",))
