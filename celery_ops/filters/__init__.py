"""What the lists of the pages may be filtered by (django-filter), read from the query string."""
