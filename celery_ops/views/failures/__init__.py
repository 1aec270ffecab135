"""Failures grouped: the list, one group, and what people do about one."""
