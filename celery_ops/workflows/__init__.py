"""Workflows: tasks that chains, groups, chords and other tasks bring about, as a graph, a list and a bar."""
