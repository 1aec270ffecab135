"""Acting on a whole list of tasks: what is chosen, a step at a time, and how far it got."""
