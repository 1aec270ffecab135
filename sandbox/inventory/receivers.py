"""What a change to an item sets going, once its transaction is committed."""

from django.db.models.signals import post_save
from django.dispatch import receiver

from .models import Item
from .tasks import download_image_from_url, generate_index_card, generate_qr_code


@receiver(post_save, sender=Item, dispatch_uid="inventory.start_item_tasks")
def start_item_tasks(instance, created, update_fields=None, raw=False, **kwargs):
    # The tasks save with update_fields: what they write must not start them again.
    if raw or update_fields is not None:
        return
    item_id = str(instance.pk)
    if instance.image_url:
        download_image_from_url.delay_on_commit(item_id, instance.image_url)
    if created:
        generate_qr_code.delay_on_commit(item_id)
    generate_index_card.delay_on_commit(item_id)
