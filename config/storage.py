from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFiles(CompressedManifestStaticFilesStorage):
    """Static files with a hash in their names, in imports between JavaScript modules too. A browser's cache then cannot
    mix old and new modules."""

    support_js_module_import_aggregation = True
