"""Forms for running tasks, made from their signatures."""
