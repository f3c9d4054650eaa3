"""What an outsider gets to judge us by: the state of the log, its receipts, and exports of it."""
