"""What a load balancer does with a request, a target and a connection."""
