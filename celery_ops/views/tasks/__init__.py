"""Tasks: the list, its CSV, a task's page, and running one again or revoking it there."""
