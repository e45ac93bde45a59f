"""Drives programs through the real Pulumi engine."""
