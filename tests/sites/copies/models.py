"""What a site's tasks are about, and what lies in the database of the results."""

from django.db import models


class Depot(models.Model):
    def __str__(self):
        return f"Depot {self.pk}"


class Parcel(models.Model):
    label = models.CharField(max_length=40)
    depot = models.ForeignKey(Depot, models.DO_NOTHING, null=True, db_constraint=False)

    def __str__(self):
        return f"parcel {self.label}"
