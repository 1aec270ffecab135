"""Acting on many tasks: what is asked first, the step of each request, and the page of how far it got."""
