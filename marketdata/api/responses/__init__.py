"""The JSON bodies of the API, each as a serializer that describes it and a function that builds it.

The functions build the bodies, not the serializers: a page has up to 10,000 bars. Tests compare each real response with
its description. Times are ISO 8601 in UTC, prices are exact decimal text.
"""
