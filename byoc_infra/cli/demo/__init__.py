"""The demo: the whole life of a deployment on this machine, as `make demo` runs it."""
