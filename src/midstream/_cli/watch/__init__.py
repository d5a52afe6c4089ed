"""`midstream watch`."""
