"""Users as sites write their own, and what their pages are about."""

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models


class Manager(BaseUserManager):
    """Knows users by their e-mail address, and no natural key."""

    def get_by_natural_key(self, username):
        raise AttributeError("this site's own way of finding users")


class Person(AbstractBaseUser):
    """Neither staff nor permissions."""

    email = models.EmailField(unique=True)
    objects = Manager()

    USERNAME_FIELD = "email"

    def __str__(self):
        return self.email


class Member(AbstractBaseUser, PermissionsMixin):
    """Permissions, but no staff."""

    email = models.EmailField(unique=True)
    objects = Manager()

    USERNAME_FIELD = "email"

    def __str__(self):
        return self.email


class Parcel(models.Model):
    def __str__(self):
        return f"Parcel {self.pk}"
