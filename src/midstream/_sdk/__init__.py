"""How calls are seen: the patches. The only code that names what is inside the SDK."""
