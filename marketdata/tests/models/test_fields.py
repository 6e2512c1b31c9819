"""What the models share: the field of a price, the OHLCV columns and their rules."""

from decimal import Decimal

import pytest
from django.db import models

from marketdata.models import Bar, BarRevision, BrowsableBar, HourlyBar, Series
from marketdata.models.fields import PriceField
from marketdata.models.mixins import OhlcvColumns

EXTREMES = [Decimal(-(2**63)).scaleb(-9), Decimal(2**63 - 1).scaleb(-9), Decimal("0.000000001"), Decimal(0)]


def test_a_price_field_is_a_plain_decimal_field_in_migrations():
    _, path, arguments, options = PriceField(null=True).deconstruct()
    assert (path, arguments) == ("django.db.models.DecimalField", [])
    assert options == {"max_digits": 20, "decimal_places": 9, "null": True}
    assert isinstance(PriceField().clone(), PriceField)


@pytest.mark.parametrize("price", EXTREMES)
def test_a_price_field_accepts_every_int64_count_of_a_billionth(price):
    assert PriceField().clean(price, None) == price


@pytest.mark.parametrize("model", [Bar, BarRevision, BrowsableBar, HourlyBar])
def test_every_table_of_bars_has_the_same_columns(model):
    assert issubclass(model, OhlcvColumns)
    for name in ("open", "high", "low", "close"):
        assert type(model._meta.get_field(name)) is PriceField
    assert isinstance(Series._meta.get_field("tick_size"), PriceField)


@pytest.mark.parametrize(("model", "prefix"), [(Bar, "bar"), (HourlyBar, "hour")])
def test_bars_and_hours_have_the_same_rules(model, prefix):
    names = {constraint.name for constraint in model._meta.constraints}
    assert names >= {f"{prefix}_high_low_enclose", f"{prefix}_prices_finite", f"{prefix}_volume_not_negative"}
    assert all(isinstance(constraint, models.CheckConstraint) for constraint in model._meta.constraints)
