"""`midstream doctor`."""
