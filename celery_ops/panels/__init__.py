"""The panel of one object: what it shows, to whom, and what its forms do."""
