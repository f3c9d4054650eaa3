"""What should run where, what does run there, and how to get from one to the other."""
