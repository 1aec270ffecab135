class Main:
    """Everything lies in ``main``, as on sites that leave ``default`` empty."""

    def db_for_read(self, model, **hints):
        return "main"

    db_for_write = db_for_read
