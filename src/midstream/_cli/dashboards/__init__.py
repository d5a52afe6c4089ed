"""`midstream dashboards`."""
