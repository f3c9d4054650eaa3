"""What the product costs, measured on this machine against its peers in one run."""
