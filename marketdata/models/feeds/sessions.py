from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q


class FeedSession(models.Model):
    """One session with the vendor's live gateway for a dataset: what it asked for, what it received, why it ended.

    The range from a series' `start` (or `replay_from`, if later) to `closed_until` is proven: a minute of it without a
    bar had no trade, until history confirms the day. `unproven` lists minutes of the range that are not proven.
    """

    class End(models.TextChoices):
        EOF = "eof", "the gateway closed the connection"
        RESET = "reset", "the connection was reset"
        REFUSED = "refused", "the gateway refused the session"
        UNREACHABLE = "unreachable", "no connection was made"
        SILENT = "silent", "no bytes arrived"
        NO_BARS = "no_bars", "heartbeats, but no bars while the exchange was open"
        GARBAGE = "garbage", "bytes that are no records"
        ERROR = "error", "the gateway reported an error"
        REPLAY = "replay", "minutes are requested again"
        ROLL = "roll", "a contract rolled"
        RESTART = "restart", "the gateway's weekly restart"
        STOPPED = "stopped", "stream_live was stopped"
        DIED = "died", "the process died"

    dataset = models.CharField(max_length=32)
    gateway = models.CharField(max_length=255, help_text="Host and port.")
    gateway_session = models.CharField(
        max_length=64, blank=True, default="", help_text="The session's id at the gateway. Empty until it is accepted."
    )
    started_at = models.DateTimeField(help_text="When the connection was begun.")
    accepted_at = models.DateTimeField(null=True, blank=True, help_text="When the gateway accepted the session.")
    asked_start = models.DateTimeField(null=True, blank=True, help_text="The earliest start of its subscriptions.")
    replay_from = models.DateTimeField(
        null=True, blank=True, help_text="The first minute that the gateway replayed. Empty: nothing arrived."
    )
    replayed_at = models.DateTimeField(null=True, blank=True, help_text="When the gateway reported the replay's end.")
    closed_until = models.DateTimeField(
        null=True, blank=True, help_text="All bars of earlier minutes arrived: the end of the last closed interval."
    )
    unproven = ArrayField(
        models.DateTimeField(), default=list, blank=True, help_text="Minutes that the session did not prove."
    )
    last_bar_ts = models.DateTimeField(null=True, blank=True, help_text="The newest minute of a bar.")
    last_byte_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    end = models.CharField(max_length=12, blank=True, choices=End, default="", help_text="Empty: it is open.")
    error = models.TextField(blank=True, default="", help_text="Why it ended, as a sentence.")
    bars = models.BigIntegerField(default=0, help_text="Bars that arrived.")
    repeated = models.BigIntegerField(default=0, help_text="Bars that arrived more than once.")
    late = models.BigIntegerField(default=0, help_text="Bars that arrived after their minute was closed.")
    quarantined = models.BigIntegerField(default=0, help_text="Records that could not be stored.")

    class Meta:
        db_table = "market_feed_sessions"
        ordering = ["-id"]
        indexes = [
            # "Which sessions are open?" (at the start of stream_live; the page of feeds)
            models.Index(name="feed_session_open", fields=["dataset"], condition=Q(ended_at__isnull=True)),
        ]
        constraints = [
            models.CheckConstraint(
                name="feed_session_end_iff_ended",
                condition=Q(ended_at__isnull=True, end="") | (Q(ended_at__isnull=False) & ~Q(end="")),
            ),
            models.CheckConstraint(
                name="feed_session_end_known",
                condition=Q(
                    end__in=[
                        "",
                        "eof",
                        "reset",
                        "refused",
                        "unreachable",
                        "silent",
                        "no_bars",
                        "garbage",
                        "error",
                        "replay",
                        "roll",
                        "restart",
                        "stopped",
                        "died",
                    ]
                ),
            ),
            models.CheckConstraint(
                name="feed_session_counts_not_negative",
                condition=Q(bars__gte=0, repeated__gte=0, late__gte=0, quarantined__gte=0),
            ),
            models.CheckConstraint(
                name="feed_session_ends_after_start",
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("started_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"session {self.pk} of {self.dataset}: {self.end or 'open'}"


class FeedSessionSeries(models.Model):
    """A series that a session subscribed to: under which symbol, and from which minute on."""

    pk = models.CompositePrimaryKey("series", "session", "vendor_symbol")
    series = models.ForeignKey("Series", on_delete=models.CASCADE, db_index=False, related_name="feed_sessions")
    session = models.ForeignKey(FeedSession, on_delete=models.CASCADE, related_name="series")
    vendor_symbol = models.CharField(max_length=128, help_text="As subscribed, for example MNQZ6.")
    stype_in = models.CharField(max_length=16)
    start = models.DateTimeField(null=True, blank=True, help_text="The start that was asked. Empty: no replay.")
    end = models.DateTimeField(
        null=True, blank=True, help_text="Bars from this time on belong to another contract. Empty: no end."
    )

    class Meta:
        db_table = "market_feed_session_series"
        constraints = [
            models.CheckConstraint(
                name="feed_session_series_stype_known",
                condition=Q(stype_in__in=["continuous", "raw_symbol", "parent"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.vendor_symbol} from {self.start}"


class FeedStatus(models.Model):
    """The live feed of a dataset as `manage.py stream_live` last recorded it, every few seconds."""

    class State(models.TextChoices):
        CONNECTING = "connecting"
        REPLAYING = "replaying"
        LIVE = "live"
        CLOSED = "closed", "the exchange is closed"
        RECONNECTING = "reconnecting"
        STOPPED = "stopped"

    dataset = models.CharField(max_length=32, primary_key=True)
    state = models.CharField(max_length=12, choices=State)
    since = models.DateTimeField(help_text="When the state began.")
    reason = models.TextField(blank=True, default="", help_text="Why it is reconnecting or stopped, as a sentence.")
    seen_at = models.DateTimeField(help_text="When stream_live last recorded this row.")
    session = models.ForeignKey(FeedSession, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    gateway_time = models.DateTimeField(null=True, blank=True, help_text="The newest time that the gateway stated.")
    last_byte_at = models.DateTimeField(null=True, blank=True)
    last_bar_ts = models.DateTimeField(null=True, blank=True, help_text="The newest minute of a bar.")
    stored_until = models.DateTimeField(null=True, blank=True, help_text="All closed minutes before it are stored.")
    lag_ms = models.IntegerField(
        null=True, blank=True, help_text="Milliseconds from the arrival of the last batch to its commit."
    )
    spool_files = models.IntegerField(default=0, help_text="Closed batches that are not stored yet.")
    sessions = models.BigIntegerField(default=0, help_text="Sessions since stream_live started.")
    reconnects = models.BigIntegerField(default=0, help_text="Sessions that followed an unexpected end, since then.")
    process = models.CharField(max_length=255, blank=True, default="", help_text="Host and process id.")
    started_at = models.DateTimeField(help_text="When stream_live started.")

    class Meta:
        db_table = "market_feed_status"
        verbose_name_plural = "feed status"
        constraints = [
            models.CheckConstraint(
                name="feed_status_state_known",
                condition=Q(state__in=["connecting", "replaying", "live", "closed", "reconnecting", "stopped"]),
            ),
            models.CheckConstraint(
                name="feed_status_counts_not_negative",
                condition=Q(spool_files__gte=0, sessions__gte=0, reconnects__gte=0),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dataset}: {self.state}"
