"""Failures that are alike, as one group: what they have in common, how often they come, and whether that is settled."""
