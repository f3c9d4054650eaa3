"""Which models exist, their versions, data and uses, and how much they matter."""
