"""Bodies of ingest runs."""

from __future__ import annotations

from django.utils.functional import cached_property
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import empty

from marketdata.models import IngestRun
from marketdata.runs.progress import RunProgress, read_progress

MOVE_KEYS = ("from", "to", "start", "end", "bars")


class MoveSerializer(serializers.Serializer):
    """Bars of one series that got the symbol of another."""

    to = serializers.CharField(help_text="The symbol of the series that has the bars since.")
    start = serializers.DateField(help_text="The UTC date of the first bar.")
    end = serializers.DateField(help_text="The UTC date after the last bar.")
    bars = serializers.IntegerField(min_value=0, help_text="How many bars were moved.")

    def get_fields(self) -> dict[str, serializers.Field]:
        """`from` cannot be the name of a class attribute."""
        source = serializers.CharField(help_text="The symbol of the series that had the bars before.")
        return {"from": source, **super().get_fields()}


class ProgressSerializer(serializers.Serializer):
    """How far a running run is."""

    step = serializers.CharField(help_text="The step that is running, for example Reading.")
    bytes_read = serializers.IntegerField(min_value=0, help_text="Bytes of the file that were read.")
    bytes_total = serializers.IntegerField(min_value=0, help_text="The file's size; 0 for a run without a file.")
    rows = serializers.IntegerField(
        min_value=0, help_text="Rows that were read; of an undo or a split, bars that it writes."
    )


class IngestRunSerializer(serializers.ModelSerializer):
    """One ingest run with all its fields, and the last successful run that undid it."""

    undone_by = serializers.SerializerMethodField(help_text="Null if none did.")
    progress = serializers.SerializerMethodField(
        help_text="How far a running run is, at most two seconds ago. Null for other runs, and until it is known."
    )
    moves = serializers.SerializerMethodField(help_text="What a split moved, or its undo. Null for other runs.")

    def get_undone_by(self, run: IngestRun) -> int | None:
        return max((undo.pk for undo in run.undone_by.all() if undo.status == IngestRun.Status.SUCCESS), default=None)

    @extend_schema_field(ProgressSerializer(allow_null=True))
    def get_progress(self, run: IngestRun) -> dict[str, object] | None:
        if run.status != IngestRun.Status.RUNNING:
            return None
        progress = self._progress_by_run.get(run.pk)
        return ProgressSerializer(progress).data if progress else None

    @extend_schema_field(MoveSerializer(many=True, allow_null=True))
    def get_moves(self, run: IngestRun) -> list[dict[str, object]] | None:
        # A run also records what an undo of the split needs.
        return None if run.moves is None else [{name: move[name] for name in MOVE_KEYS} for move in run.moves]

    @cached_property
    def _progress_by_run(self) -> dict[int, RunProgress]:
        return read_progress()

    def get_fields(self) -> dict[str, serializers.Field]:
        """All fields are described as required and without a default: a response has each of them."""
        fields = super().get_fields()
        for field in fields.values():
            field.required, field.default = not field.read_only, empty
        return fields

    class Meta:
        model = IngestRun
        fields = "__all__"
        extra_kwargs = {
            "undoes": {"help_text": "The run that this one undoes. Null if it loads a file."},
            "requested_symbol": {"help_text": "The symbol that the option --symbol gave. Empty without it."},
            "row_limit": {"help_text": "The number of rows that the option --limit gave. Null without it."},
            "publisher_id": {"help_text": "The publisher that the option --publisher gave. Null without it."},
            "replace_instrument": {"help_text": "Whether the option --replace-instrument was given."},
            "remove_withdrawn": {"help_text": "Whether the option --remove-withdrawn was given."},
        }
