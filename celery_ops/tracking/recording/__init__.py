"""Between the host and the store: who records an event waits for nothing, and nothing is lost silently."""
