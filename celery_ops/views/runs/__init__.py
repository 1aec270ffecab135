"""Running a task from its form: the catalog, the form, its preview, and what became of the submission."""
