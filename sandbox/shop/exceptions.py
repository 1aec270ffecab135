"""What goes wrong in a shop."""


class CarrierUnavailable(Exception):
    """The carrier's service did not take the parcel."""


class ShelfShort(Exception):
    """There is less on a shelf than there should be."""


class CardDeclined(Exception):
    """The bank refused the card."""
