"""A typed client of the control plane's HTTP API."""
