"""The management command ``celery_ops``: what its subcommands share."""
