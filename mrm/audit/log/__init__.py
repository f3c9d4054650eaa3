"""The verifiable log as mathematics and text: Merkle tree, tiles, signed notes, receipts.

Free of Django and of the database, so that anything may use it. Formats are public: RFC 6962 and RFC 9162 for the tree,
the C2SP documents (c2sp.org) for tlog-tiles, signed-note, tlog-checkpoint, tlog-cosignature and tlog-proof.
"""
