from django.db import models
from django.db.models import Q

from marketdata.models.mixins import sql_condition


class FailedLogin(models.Model):
    """The failed logins of one account from one address, or of all accounts from one address.

    The key is a SHA-256 of both: what is typed as the name of an account can be a password.
    """

    key = models.CharField(max_length=64, primary_key=True)
    failures = models.IntegerField()
    last_at = models.DateTimeField()
    wait_until = models.DateTimeField(help_text="Until this time no password is checked.")

    class Meta:
        db_table = "access_failed_logins"
        indexes = [
            # "Which rows are too old to count?", at each failed login.
            models.Index(name="failed_login_last_at", fields=["last_at"]),
        ]
        constraints = [
            models.CheckConstraint(name="failed_login_key_form", condition=sql_condition("key ~ '^[0-9a-f]{64}$'")),
            models.CheckConstraint(name="failed_login_not_negative", condition=Q(failures__gte=0)),
        ]

    def __str__(self) -> str:
        return f"{self.failures} until {self.wait_until}"
