"""Reads the settings and builds every object: the only module that knows all the others."""
