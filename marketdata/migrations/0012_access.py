"""API tokens that are stored as hashes, and failed logins.

The tokens of rest_framework.authtoken are hashed and go on working. Its table is dropped, with its rows in the tables
of Django: the admin's log has tokens in clear.
"""

import django.db.models.deletion
import django.db.models.expressions
from django.conf import settings
from django.db import migrations, models

# A database without the table of rest_framework.authtoken is new. The earlier version's own `migrate` creates it again.
HASH_TOKENS = """
DO $body$
BEGIN
    IF to_regclass('authtoken_token') IS NULL THEN
        RETURN;
    END IF;
    INSERT INTO access_api_tokens (name, user_id, digest, scope, created_at)
    SELECT auth_user.username, token.user_id, encode(sha256(convert_to(token.key, 'UTF8')), 'hex'), 'read', token.created
    FROM authtoken_token AS token JOIN auth_user ON auth_user.id = token.user_id;
    UPDATE django_admin_log SET object_repr = 'API token', object_id = NULL, content_type_id = NULL
    WHERE content_type_id IN (SELECT id FROM django_content_type WHERE app_label = 'authtoken');
    DROP TABLE authtoken_token;
    DELETE FROM django_migrations WHERE app = 'authtoken';
END
$body$;

DELETE FROM auth_user_user_permissions USING auth_permission, django_content_type
WHERE permission_id = auth_permission.id AND content_type_id = django_content_type.id AND app_label = 'authtoken';

DELETE FROM auth_group_permissions USING auth_permission, django_content_type
WHERE permission_id = auth_permission.id AND content_type_id = django_content_type.id AND app_label = 'authtoken';

DELETE FROM auth_permission USING django_content_type
WHERE content_type_id = django_content_type.id AND app_label = 'authtoken';

DELETE FROM django_content_type WHERE app_label = 'authtoken';
"""


class Migration(migrations.Migration):
    dependencies = [
        ("marketdata", "0011_found_tick_size"),
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="FailedLogin",
            fields=[
                ("key", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("failures", models.IntegerField()),
                ("last_at", models.DateTimeField()),
                ("wait_until", models.DateTimeField(help_text="Until this time no password is checked.")),
            ],
            options={
                "db_table": "access_failed_logins",
                "indexes": [models.Index(fields=["last_at"], name="failed_login_last_at")],
                "constraints": [
                    models.CheckConstraint(
                        condition=django.db.models.expressions.RawSQL(
                            "key ~ '^[0-9a-f]{64}$'", (), output_field=models.BooleanField()
                        ),
                        name="failed_login_key_form",
                    ),
                    models.CheckConstraint(condition=models.Q(("failures__gte", 0)), name="failed_login_not_negative"),
                ],
            },
        ),
        migrations.CreateModel(
            name="ApiToken",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "name",
                    models.CharField(help_text="What the token is for, for example research-notebook.", max_length=150),
                ),
                (
                    "digest",
                    models.CharField(help_text="The SHA-256 of the token, in hexadecimal digits.", max_length=64),
                ),
                (
                    "scope",
                    models.CharField(
                        choices=[("read", "read"), ("read-write", "read and write")],
                        db_default="read",
                        default="read",
                        max_length=16,
                    ),
                ),
                ("created_at", models.DateTimeField(help_text="When the token was created or renewed.")),
                (
                    "expires_at",
                    models.DateTimeField(blank=True, help_text="From this time on it is refused.", null=True),
                ),
                ("last_used_at", models.DateTimeField(blank=True, help_text="Its last use, to the minute.", null=True)),
                (
                    "revoked_at",
                    models.DateTimeField(blank=True, help_text="Since this time it is refused.", null=True),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="api_tokens",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "API token",
                "db_table": "access_api_tokens",
                "ordering": ["name"],
                "constraints": [
                    models.UniqueConstraint(fields=("name",), name="api_token_name_once"),
                    models.UniqueConstraint(fields=("digest",), name="api_token_digest_once"),
                    models.CheckConstraint(
                        condition=models.Q(("name", ""), _negated=True), name="api_token_name_not_empty"
                    ),
                    models.CheckConstraint(
                        condition=django.db.models.expressions.RawSQL(
                            "digest ~ '^[0-9a-f]{64}$'", (), output_field=models.BooleanField()
                        ),
                        name="api_token_digest_form",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("scope__in", ["read", "read-write"])), name="api_token_scope_known"
                    ),
                ],
            },
        ),
        migrations.RunSQL(HASH_TOKENS, migrations.RunSQL.noop),
    ]
