"""/metrics, by token: `Authorization: Token …`, or Bearer as Prometheus sends it by default."""

from __future__ import annotations

from django.http import HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView

from marketdata.access.authentication import ApiTokenAuthentication
from marketdata.metrics.collect import collect_metrics


class _BearerAuthentication(ApiTokenAuthentication):
    keyword = "Bearer"


class MetricsView(APIView):
    """The figures of the whole database, so it needs a login or a token."""

    schema = None  # not part of the API

    authentication_classes: list[type[BaseAuthentication]] = [
        ApiTokenAuthentication,
        _BearerAuthentication,
        SessionAuthentication,
    ]
    permission_classes = [IsAuthenticated]

    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(collect_metrics(), content_type=CONTENT_TYPE_LATEST)
