from django.apps import AppConfig


class IngestionConfig(AppConfig):
    """How data gets in: files, validation, staging, upserting, and the commands for them."""

    name = "ingestion"
    verbose_name = "Ingestion"
