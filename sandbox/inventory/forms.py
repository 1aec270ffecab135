from django import forms

from .models import Item


class ItemForm(forms.ModelForm):
    image_url = forms.URLField(
        label="Image address",
        required=False,
        assume_scheme="https",
        widget=forms.URLInput(attrs={"size": 60}),
    )

    class Meta:
        model = Item
        fields = ["name", "sku", "supplier", "image_url"]
