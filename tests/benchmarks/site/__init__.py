"""The site of the benchmarks: the tests' own with Django's admin, and beside us the peers that are installed."""
