"""The numbers themselves: pure functions over data frames and files.

Compress first, then compute: a batch becomes a table of counts, every measure is a function of
that table, and tables of two batches add up to the table of both. Models run in a process of
their own with limits (`scoring`), never in the caller. Nothing here knows of the web, the
database or the queue.
"""
