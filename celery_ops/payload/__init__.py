"""A raw value as a page may show it: cut, redacted, and without the credentials of its URLs."""
