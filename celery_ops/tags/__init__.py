"""What the tags and filters of ``templatetags`` do."""
