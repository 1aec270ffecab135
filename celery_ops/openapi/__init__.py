"""The OpenAPI document of the JSON addresses, generated from what they read and answer."""

from .document import document

__all__ = ["document"]
