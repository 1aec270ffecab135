"""The first page: what is wrong now, and how much of everything there is."""
