"""What templates ask of the audit trail."""

from django import template

from marketdata.runs.query import failures_since_last_success

register = template.Library()
register.simple_tag(failures_since_last_success)
