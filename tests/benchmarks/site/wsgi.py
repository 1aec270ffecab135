"""The tests' site for a server of its own: ``gunicorn tests.benchmarks.site.wsgi``."""

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
