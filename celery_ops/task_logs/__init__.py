"""What tasks log while they run: a handler keeps the beginning and the end of it, an attempt at a time.

Lines stay in the process, as they were logged, until they are sent along with what is written of the task anyway, or
once a second; what leaves the process is redacted.
"""
