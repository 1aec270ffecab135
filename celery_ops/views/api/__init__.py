"""JSON: what the pages show, for programs."""
