"""From the queue: an id in, one service call."""
