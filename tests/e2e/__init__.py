"""Whole stories on the local cloud: the real engine, real servers."""
