"""Who enters which page of the site."""

from django.contrib.auth.mixins import UserPassesTestMixin


class StaffRequiredMixin(UserPassesTestMixin):
    """A page for staff: others log in first, and are refused when that does not help."""

    def test_func(self) -> bool:
        return self.request.user.is_staff
