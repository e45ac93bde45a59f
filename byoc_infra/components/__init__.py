"""Reusable Pulumi components; they never call AWS."""
