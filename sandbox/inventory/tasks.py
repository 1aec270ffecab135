"""The four tasks of the inventory, each tracked for the item that it works on."""

from celery import shared_task
from celery_ops import FromModel, set_progress, track
from django.db.models import Avg, DurationField, ExpressionWrapper, F

from . import documents, downloads
from .models import Item


@track(
    Item,
    id_query="item_id",
    launch_kwargs={"item_id": FromModel("pk"), "image_url": FromModel("image_url")},
    label="Download the image",
)
@shared_task(bind=True, max_retries=2)
def download_image_from_url(self, item_id, image_url):
    """Fetch an item's picture; a server that is away is asked again, one that refuses is not."""
    item = Item.objects.get(pk=item_id)
    try:
        picture = downloads.fetch_picture(image_url, progress=set_progress)
    except downloads.Unreachable as error:
        raise self.retry(exc=error, countdown=3) from error
    item.image.delete(save=False)
    item.image.save(f"image.{picture.extension}", picture.file, save=False)
    item.save(update_fields=["image"])
    return {"image": item.image.name, "width": picture.width, "height": picture.height}


@track(Item, id_query="item_id", launch_kwargs={"item_id": FromModel("pk")}, label="Make the QR code")
@shared_task
def generate_qr_code(item_id):
    """Draw the QR code that leads to the item's page."""
    item = Item.objects.get(pk=item_id)
    item.qr_code.delete(save=False)
    item.qr_code.save("qr.png", documents.qr_code(item), save=False)
    item.save(update_fields=["qr_code"])
    return {"qr_code": item.qr_code.name}


@track(Item, id_query="item_id", launch_kwargs={"item_id": FromModel("pk")}, label="Print the index card")
@shared_task
def generate_index_card(item_id):
    """Lay out the card that hangs on the shelf."""
    item = Item.objects.select_related("supplier").get(pk=item_id)
    item.index_card.delete(save=False)
    item.index_card.save("card.pdf", documents.index_card(item), save=False)
    item.save(update_fields=["index_card"])
    return {"index_card": item.index_card.name}


@shared_task
def update_average_lead_times():
    """Work out every item's average lead time from its deliveries."""
    taken = ExpressionWrapper(F("lead_times__received_on") - F("lead_times__ordered_on"), output_field=DurationField())
    items = list(Item.objects.annotate(taken=Avg(taken)))
    for item in items:
        item.average_lead_time = item.taken and round(item.taken.total_seconds() / 86400, 1)
    Item.objects.bulk_update(items, ["average_lead_time"])
    return {"items": len(items)}
