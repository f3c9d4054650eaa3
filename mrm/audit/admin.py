from mrm.audit.models import Change, Event, Ground, IntegrityFinding, Replay, SchemaChange
from mrm.audit.records import show

show(Event, Change, without=("payload",))
show(Replay, IntegrityFinding, Ground, SchemaChange)
