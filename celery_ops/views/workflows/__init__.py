"""The page of a workflow, its JSON, and the bar for a site's own pages."""
