"""Places outside that see the log's checkpoints, so that nobody, we included, can take back what was signed.

A folder that is only added to, an authority for time stamps (RFC 3161), and witnesses (c2sp.org/tlog-witness).
"""
