"""`manage.py verify_candles`: is the hourly ledger what the minute bars make it?"""

import json

from django.core.management.base import CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder

from marketdata.database import UnusableDatabase, usable_database
from marketdata.management.base import CommandWithExamples
from marketdata.models import Series
from marketdata.rollup.verify import VerifyResult, verify_candles
from marketdata.series import list_slugs

EXAMPLES = """
examples:
  Everything in the table:
    {manage} verify_candles
  One series, named as in its address:
    {manage} verify_candles --series mnq
  Write what differs anew, after somebody got round the triggers:
    {manage} verify_candles --repair
  For a script, every night:
    {manage} verify_candles --json > verdicts.json

It only reads, unless it repairs. Exit code: 0 if nothing differs or all was repaired, 1 otherwise.
"""


class Command(CommandWithExamples):
    help = (
        "Make every hour anew from its minute bars and compare it with market_bars_ohlcv_1h, which the database keeps."
    )
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--series", metavar="SLUG", help="only this one; default: everything in the table")
        parser.add_argument("--repair", action="store_true", help="write what differs anew, series by series")
        parser.add_argument("--json", action="store_true", help="the verdicts as one JSON object on standard output")

    def handle(self, *args, **options) -> None:
        try:
            with usable_database():
                verdicts = self._verify(options)
        except UnusableDatabase as error:
            raise CommandError(str(error)) from error
        wrong = [verdict for verdict in verdicts if verdict.difference_count and not verdict.repaired]
        if options["json"]:
            content = {"ok": not wrong, "series": [_as_json(verdict) for verdict in verdicts]}
            self.stdout.write(json.dumps(content, cls=DjangoJSONEncoder))
        elif not verdicts:
            self.stdout.write("There are no bars and no hours.")
        if wrong:
            raise CommandError(
                f"{len(wrong):,} of {len(verdicts):,} series differ from their bars: run it again with --repair."
            )

    def _verify(self, options: dict) -> list[VerifyResult]:
        symbol = _symbol(options["series"]) if options["series"] is not None else None
        verdicts = []
        for verdict in verify_candles(symbol=symbol, repair=options["repair"]):
            verdicts.append(verdict)
            if not options["json"]:
                self.stdout.write(_words(verdict))
        return verdicts


def _symbol(slug: str) -> str:
    series = Series.objects.filter(slug=slug).first()
    if series is None:
        raise CommandError(f"There is no series '{slug}'. Known: {', '.join(list_slugs()[:20])}.")
    return series.symbol


def _words(verdict: VerifyResult) -> str:
    bars = f"{verdict.bar_count:,} bars"
    if not verdict.difference_count:
        return f"{verdict.symbol}: {verdict.hour_count:,} hours agree with {bars}."
    lines = []
    if verdict.hours:
        lines.append(f"{len(verdict.hours):,} hours differ from the {bars}")
        lines += [f"  {difference}" for difference in verdict.first_differences]
        if len(verdict.hours) > len(verdict.first_differences):
            lines.append(f"  and {len(verdict.hours) - len(verdict.first_differences):,} more")
    if verdict.bar_count != verdict.recorded_bar_count:
        lines.append(f"{verdict.recorded_bar_count:,} bars are on record, and there are {verdict.bar_count:,}")
    lines += ["repaired"] if verdict.repaired else []
    return "\n".join([f"{verdict.symbol}: {lines[0]}", *lines[1:]])


def _as_json(verdict: VerifyResult) -> dict:
    return {
        "symbol": verdict.symbol,
        "hours": verdict.hour_count,
        "bars": verdict.bar_count,
        "bars_on_record": verdict.recorded_bar_count,
        "differences": verdict.difference_count,
        "first_differences": [
            {"hour": one.hour, "ledger": one.rollup, "bars": one.bars, "text": str(one)}
            for one in verdict.first_differences
        ],
        "repaired": verdict.repaired,
    }
