"""Bodies of live feeds: what `stream_live` recorded of each dataset, and of its last sessions."""

from __future__ import annotations

from rest_framework import serializers

from marketdata.api.responses.fields import CountField
from marketdata.live.feeds import Feed, LastSession
from marketdata.live.states import STATES
from marketdata.live.subscriptions import FollowedSeries
from marketdata.models import FeedSession, SeriesDay
from marketdata.timestamps import to_iso


class FollowedSeriesSerializer(serializers.Serializer):
    """A series of the feed."""

    slug = serializers.CharField()
    live = serializers.BooleanField(help_text="Whether `live` is switched on. `stream_live --series` needs no switch.")
    feed_symbol = serializers.CharField(help_text="The vendor's symbol of the subscription.")
    vendor_symbols = serializers.ListField(
        child=serializers.CharField(), help_text="What the current session subscribes to. Empty if it does not."
    )


class SessionSeriesSerializer(serializers.Serializer):
    """A series of a session."""

    slug = serializers.CharField()
    vendor_symbol = serializers.CharField()
    start = serializers.DateTimeField(allow_null=True, help_text="The start that was requested. Null without replay.")


class FeedSessionSerializer(serializers.Serializer):
    """One session with the vendor's gateway."""

    id = CountField()
    gateway = serializers.CharField(help_text="Host and port.")
    gateway_session = serializers.CharField(help_text="The session's id at the gateway. Empty until it is accepted.")
    started_at = serializers.DateTimeField()
    accepted_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True, help_text="Null while it is open.")
    end = serializers.ChoiceField(
        ["", *FeedSession.End.values], help_text="Why it ended. Empty while it is open; `error` has the sentence."
    )
    error = serializers.CharField(help_text="Why it ended, as a sentence. It can be empty.")
    asked_start = serializers.DateTimeField(allow_null=True, help_text="The earliest start that was requested.")
    replay_from = serializers.DateTimeField(allow_null=True, help_text="The first minute that arrived.")
    replayed_at = serializers.DateTimeField(allow_null=True, help_text="When the replay was complete.")
    closed_until = serializers.DateTimeField(allow_null=True, help_text="All bars of earlier minutes arrived.")
    last_bar_ts = serializers.DateTimeField(allow_null=True, help_text="The newest minute of a bar.")
    last_byte_at = serializers.DateTimeField(allow_null=True)
    bars = CountField(help_text="Bars that arrived.")
    repeated = CountField(help_text="Bars that arrived more than once.")
    late = CountField(help_text="Bars that arrived after their minute was closed.")
    quarantined = CountField(help_text="Records that could not be stored.")
    series_count = CountField(help_text="Series that it subscribed to.")
    series = SessionSeriesSerializer(many=True, help_text="Up to `limit` of them, by slug.")


class ChangedDaySerializer(serializers.Serializer):
    """A UTC day on which history differed from bars that were stored."""

    series = serializers.CharField(help_text="The slug.")
    day = serializers.DateField()
    changed = CountField(help_text="Bars that history changed.")
    records = CountField(help_text="Bars that history delivered.")
    confirmed_at = serializers.DateTimeField()


class FeedSerializer(serializers.Serializer):
    """The live feed of a dataset. Without a record of `stream_live` its times are null and its counts 0."""

    dataset = serializers.CharField()
    state = serializers.ChoiceField(
        STATES, help_text="`not_running`: the record is old. `none`: `stream_live` has not run for the dataset."
    )
    text = serializers.CharField(help_text="The state as text, such as reconnecting since 14:31 UTC.")
    reason = serializers.CharField(help_text="Why it is reconnecting or stopped, as a sentence. It can be empty.")
    since = serializers.DateTimeField(allow_null=True, help_text="When the state began.")
    seen_at = serializers.DateTimeField(allow_null=True, help_text="When `stream_live` last recorded the feed.")
    gateway_time = serializers.DateTimeField(allow_null=True, help_text="The newest time that the gateway stated.")
    last_byte_at = serializers.DateTimeField(allow_null=True)
    last_bar_ts = serializers.DateTimeField(allow_null=True, help_text="The newest minute of a bar.")
    stored_until = serializers.DateTimeField(allow_null=True, help_text="All closed minutes before it are stored.")
    lag_ms = serializers.IntegerField(
        allow_null=True, help_text="Milliseconds from the arrival of the last batch to its commit."
    )
    spool_files = serializers.IntegerField(help_text="Closed batches that are not stored yet.")
    sessions = CountField(help_text="Sessions since `stream_live` started.")
    reconnects = CountField(help_text="Those that followed an unexpected end.")
    started_at = serializers.DateTimeField(allow_null=True, help_text="When `stream_live` started.")
    process = serializers.CharField(help_text="Host and process of `stream_live`.")
    series_count = CountField(help_text="Series of the feed.")
    series = FollowedSeriesSerializer(many=True, help_text="Up to `limit` of them, by slug.")
    last_sessions = FeedSessionSerializer(many=True, help_text="The newest first.")
    changed_days = ChangedDaySerializer(many=True, help_text="The newest first.")


def serialize_feed(feed: Feed) -> dict[str, object]:
    """The feed as `FeedSerializer` describes it."""
    status = feed.status
    times = ("seen_at", "gateway_time", "last_byte_at", "last_bar_ts", "stored_until", "started_at")
    return {
        "dataset": feed.dataset,
        "state": feed.state.state,
        "text": feed.state.text,
        "reason": feed.state.reason,
        "since": to_iso(feed.state.since),
        **{name: to_iso(getattr(status, name, None)) for name in times},
        "lag_ms": status and status.lag_ms,
        "spool_files": status.spool_files if status else 0,
        "sessions": status.sessions if status else 0,
        "reconnects": status.reconnects if status else 0,
        "process": status.process if status else "",
        "series_count": feed.series.total,
        "series": [_serialize_series(one) for one in feed.series.rows],
        "last_sessions": [_serialize_session(one) for one in feed.sessions],
        "changed_days": [_serialize_day(day) for day in feed.changed_days],
    }


def _serialize_series(one: FollowedSeries) -> dict[str, object]:
    return one._asdict() | {"vendor_symbols": list(one.vendor_symbols)}


_TEXTS = ("gateway", "gateway_session", "end", "error")
_TIMES = ("started_at", "accepted_at", "ended_at", "asked_start", "replay_from", "replayed_at", "closed_until")
_COUNTS = ("bars", "repeated", "late", "quarantined")


def _serialize_session(one: LastSession) -> dict[str, object]:
    session = one.session
    return {
        "id": session.pk,
        **{name: getattr(session, name) for name in (*_TEXTS, *_COUNTS)},
        **{name: to_iso(getattr(session, name)) for name in (*_TIMES, "last_bar_ts", "last_byte_at")},
        "series_count": one.series.total,
        "series": [
            {"slug": each.slug, "vendor_symbol": each.vendor_symbol, "start": to_iso(each.start)}
            for each in one.series.rows
        ],
    }


def _serialize_day(day: SeriesDay) -> dict[str, object]:
    return {
        "series": day.series.slug,
        "day": day.day.isoformat(),
        "changed": day.changed,
        "records": day.records,
        "confirmed_at": to_iso(day.confirmed_at),
    }
