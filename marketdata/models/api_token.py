from django.conf import settings
from django.db import models
from django.db.models import Q

from marketdata.models.mixins import sql_condition


class ApiToken(models.Model):
    """A token of a program that uses the API. The token itself is not stored, only its SHA-256."""

    class Scope(models.TextChoices):
        READ = "read", "read"
        READ_WRITE = "read-write", "read and write"

    name = models.CharField(max_length=150, help_text="What the token is for, for example research-notebook.")
    # Its index serves the admin, which deletes an account with its tokens.
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    digest = models.CharField(max_length=64, help_text="The SHA-256 of the token, in hexadecimal digits.")
    scope = models.CharField(max_length=16, choices=Scope, default=Scope.READ, db_default=Scope.READ)
    created_at = models.DateTimeField(help_text="When the token was created or renewed.")
    expires_at = models.DateTimeField(null=True, blank=True, help_text="From this time on it is refused.")
    last_used_at = models.DateTimeField(null=True, blank=True, help_text="Its last use, to the minute.")
    revoked_at = models.DateTimeField(null=True, blank=True, help_text="Since this time it is refused.")

    class Meta:
        db_table = "access_api_tokens"
        ordering = ["name"]
        verbose_name = "API token"
        constraints = [
            # Serves make_api_token, which refuses an existing name.
            models.UniqueConstraint(name="api_token_name_once", fields=["name"]),
            # Serves each request of the API with a token.
            models.UniqueConstraint(name="api_token_digest_once", fields=["digest"]),
            models.CheckConstraint(name="api_token_name_not_empty", condition=~Q(name="")),
            # A token in clear has 40 characters.
            models.CheckConstraint(name="api_token_digest_form", condition=sql_condition("digest ~ '^[0-9a-f]{64}$'")),
            models.CheckConstraint(name="api_token_scope_known", condition=Q(scope__in=["read", "read-write"])),
        ]

    def __str__(self) -> str:
        return self.name
