"""Who is to hold what: roles that sign are granted under four eyes, exceptions end, and access is reviewed."""
