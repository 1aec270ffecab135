"""Schedules: the list with the next day, one of them with its occurrences, and what people do about one."""
