"""What templates ask of the audit trail."""

from django import template

from marketdata.bars.query import failures_since_last_success

register = template.Library()
register.simple_tag(failures_since_last_success)
