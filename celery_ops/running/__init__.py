"""Running a task by hand: the allowlist, its arguments, its options, the message and the journal row."""
