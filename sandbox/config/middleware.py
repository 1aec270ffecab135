"""A policy strict enough to show that nothing on these pages needs an inline script or style."""


class ContentSecurityPolicyMiddleware:
    """Everything a page loads comes from this site."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", "default-src 'self'")
        return response
