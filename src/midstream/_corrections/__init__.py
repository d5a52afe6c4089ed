"""Corrected errors, for applications that request them: the exception that the SDK should have raised."""
