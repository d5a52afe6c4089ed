"""How calls are recorded: span, metrics and log event, by the OpenTelemetry API only."""
