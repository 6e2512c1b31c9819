"""Template tags that read the audit trail."""

from django import template

from marketdata.runs.query import count_failures_since_success

register = template.Library()
register.simple_tag(count_failures_since_success, name="failures_since_last_success")
