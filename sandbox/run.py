#!/usr/bin/env python
"""Starts the whole sandbox and stops it again: ``make sandbox`` runs this."""

import sys

if sys.version_info < (3, 10):  # noqa: UP036 - said here before newer syntax is met
    sys.exit("The sandbox needs Python 3.10 or newer, this is Python %d.%d." % sys.version_info[:2])  # noqa: UP031 - old Pythons read this line

from launcher.main import main

sys.exit(main())
