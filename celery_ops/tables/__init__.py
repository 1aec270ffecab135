"""What the lists of the pages show (django-tables2): columns and rows."""
