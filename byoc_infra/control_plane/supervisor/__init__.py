"""The small process that alone may write to a stack: it holds the lease and runs the engine."""
