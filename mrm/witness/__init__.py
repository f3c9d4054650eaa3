"""A witness of logs: its own process, key and memory, on somebody else's machine.

It cosigns a log's checkpoint only when the log grew from what the witness saw before (c2sp.org/tlog-witness), so that
a log which shows two histories, or takes back what it showed, finds nobody to vouch for it. It needs the standard
library, cryptography, starlette and uvicorn.
"""
