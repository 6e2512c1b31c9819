from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFiles(CompressedManifestStaticFilesStorage):
    """Static files under names with their hash, also where a JavaScript module imports another: a browser that keeps
    the old one can never mix it with the new."""

    support_js_module_import_aggregation = True
