"""Counting what tasks do, in every process that publishes or runs them, and what that comes to for the whole site."""
