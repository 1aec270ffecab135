"""Where a running task is now: its stack, asked of the worker that runs it."""
