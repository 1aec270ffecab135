"""The pages and the JSON, a package for each thing that they are about."""
