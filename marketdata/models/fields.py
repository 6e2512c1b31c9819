from typing import Any

from django.db import models


class PriceField(models.DecimalField):
    """An exact price: every int64 count of 1e-9, which is how Databento stores prices."""

    def __init__(self, *, max_digits: int = 20, decimal_places: int = 9, **options: Any) -> None:
        super().__init__(max_digits=max_digits, decimal_places=decimal_places, **options)

    def deconstruct(self) -> tuple:
        """As a plain DecimalField, so that no migration depends on this class."""
        name, _, args, options = super().deconstruct()
        return name, "django.db.models.DecimalField", args, options
