"""Schedules: what beat should send and when, what it sent, what ran of that, and how it ended."""
