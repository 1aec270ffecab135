def content_security_policy(get_response):
    """The strictest policy that a page with our parts must work under."""

    def respond(request):
        response = get_response(request)
        response["Content-Security-Policy"] = "default-src 'self'"
        return response

    return respond
