"""The journal: runs, and what people did to workers, queues and tasks."""
