"""`midstream demo`."""
