from django.apps import AppConfig


class MarketDataConfig(AppConfig):
    """What the database holds and how it is read. It knows nothing of how data gets in."""

    name = "marketdata"
    verbose_name = "Market data"
