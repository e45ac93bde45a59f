"""The control plane: an HTTP API, durable workflows, and the store that both stand on."""
