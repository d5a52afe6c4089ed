"""How calls are told: span, metrics and log event, by the OpenTelemetry API only."""
