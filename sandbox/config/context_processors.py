"""What every template of the site may name."""

from django.conf import settings


def site(request):
    return {"shop_name": settings.SHOP_NAME}
