"""A folder for the path of watched programs: what Python and opentelemetry-instrument import at their start."""
