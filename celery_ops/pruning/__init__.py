"""Deleting what is older than its retention, a batch at a time."""
