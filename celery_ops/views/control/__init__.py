"""What people do to workers and queues: the forms, and what a post of one does."""
