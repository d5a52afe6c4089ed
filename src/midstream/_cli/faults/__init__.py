"""`midstream faults`."""
