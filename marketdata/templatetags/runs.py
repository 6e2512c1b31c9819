"""Template tags that read the audit trail."""

from django import template

from marketdata.runs.query import find_open_failures

register = template.Library()


@register.simple_tag
def count_open_failures() -> int:
    """How many failed runs need attention."""
    return len(find_open_failures())
