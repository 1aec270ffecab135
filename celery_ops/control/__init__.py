"""What people do to tasks, workers and queues: written down before it is done, completed with who answered what."""
