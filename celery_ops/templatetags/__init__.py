"""Tags for a site's own templates, and tags for ours."""
