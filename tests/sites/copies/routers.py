class Copies:
    """Results apart from all else, and of both a copy that is read."""

    def place(self, model):
        return "results" if model._meta.app_label == "django_celery_results" or model.__name__ == "Depot" else "default"

    def db_for_read(self, model, **hints):
        return f"{self.place(model)}_copy"

    def db_for_write(self, model, **hints):
        return self.place(model)

    def allow_migrate(self, db, app_label, model_name=None, **hints):
        has_results = app_label == "django_celery_results" or model_name == "depot"
        return db == ("results" if has_results else "default")
