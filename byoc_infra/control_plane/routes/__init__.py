"""HTTP in, HTTP out: one module a noun, each handler asks one service for one thing."""
