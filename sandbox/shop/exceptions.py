"""What goes wrong in a shop."""


class CarrierUnavailable(Exception):
    """The carrier's service did not take the parcel."""


class ShelfShort(Exception):
    """There is next to nothing on a shelf."""


class CardDeclined(Exception):
    """The bank refused the card."""
