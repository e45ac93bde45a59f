"""The `byoc` command."""
