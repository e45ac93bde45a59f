"""What a request handler may use: who asks, and the services."""
