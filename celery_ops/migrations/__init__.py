"""The journal's tables."""
