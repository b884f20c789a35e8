"""Makes fixture.sqlite3 and fixture.json: the users of a Django project, as Django itself stores them.

The project is the one that the account API was recorded from: app `accounts` with a user model that signs in by
e-mail, django-allauth's e-mail addresses, Django's own migrations. See README.md for how to run it.
"""

import base64
import datetime
import hashlib
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

import django
from django.conf import settings

HERE = Path(__file__).parent
DATABASE = HERE / "fixture.sqlite3"
DUMP = HERE / "fixture.json"

# A project in a temporary folder: makemigrations writes the app's migration there.
PROJECT = Path(tempfile.mkdtemp(prefix="django-fixture-"))
(PROJECT / "accounts").mkdir()
(PROJECT / "accounts" / "__init__.py").touch()
(PROJECT / "accounts" / "models.py").write_text('''
from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.db import models


class UserManager(BaseUserManager):
    use_in_migrations = True

    def create_user(self, email, password=None, **fields):
        user = self.model(email=email, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractUser):
    username = None
    email = models.EmailField("email address", unique=True)
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = []
    objects = UserManager()
''')
sys.path.insert(0, str(PROJECT))

DATABASE.unlink(missing_ok=True)
settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": DATABASE}},
    INSTALLED_APPS=[
        "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.sites",
        "allauth", "allauth.account", "accounts",
    ],
    AUTH_USER_MODEL="accounts.User",
    ACCOUNT_USER_MODEL_USERNAME_FIELD=None, ACCOUNT_USERNAME_REQUIRED=False, ACCOUNT_EMAIL_REQUIRED=True, ACCOUNT_AUTHENTICATION_METHOD="email",
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    SECRET_KEY="only for this fixture", SITE_ID=1, USE_TZ=True, TIME_ZONE="Asia/Seoul",
    PASSWORD_HASHERS=[
        "django.contrib.auth.hashers." + name
        for name in (
            "PBKDF2PasswordHasher", "PBKDF2SHA1PasswordHasher", "Argon2PasswordHasher", "BCryptPasswordHasher",
            "BCryptSHA256PasswordHasher",
        )
    ],
)
django.setup()

from allauth.account.models import EmailAddress  # noqa: E402
from django.contrib.auth.hashers import PBKDF2SHA1PasswordHasher, check_password, make_password  # noqa: E402
from django.core.management import call_command  # noqa: E402

call_command("makemigrations", "accounts", verbosity=0)
call_command("migrate", verbosity=0)

from accounts.models import User  # noqa: E402


def password_of(name):
    return f"old-Teapot-{name}"


def scrypt(password, salt="NaClNaClNaClNaClNaClNa"):
    """What ScryptPasswordHasher of Django 4.0 writes; 3.2 has none."""
    digest = hashlib.scrypt(password.encode(), salt=salt.encode(), n=2**14, r=8, p=1, maxmem=64 * 2**20, dklen=64)
    return f"scrypt${2**14}${salt}$8$1${base64.b64encode(digest).decode()}"


def moment(day, microsecond=211218):
    return datetime.datetime(2025, 3, day, 18, 20, 29, microsecond, tzinfo=datetime.timezone.utc)


def add(pk, email, password, verified=None, **fields):
    """A user. verified: None has no row in account_emailaddress, as those of createsuperuser have."""
    user = User(pk=pk, email=email, password=password, date_joined=moment(1), **fields)
    user.save()
    if verified is not None:
        EmailAddress.objects.create(user=user, email=email, verified=verified, primary=True)
    return user


for pk, scheme in enumerate(("pbkdf2_sha256", "pbkdf2_sha1", "argon2", "bcrypt", "bcrypt_sha256", "scrypt"), start=1):
    password = password_of(scheme)
    stored = scrypt(password) if scheme == "scrypt" else make_password(password, hasher=scheme)
    assert scheme == "scrypt" or check_password(password, stored)
    add(pk, f"{scheme.replace('_', '-')}@example.com", stored, verified=True, last_login=moment(2, pk), first_name="Ada", last_name=scheme)


def fast(password):
    """A hash of few rounds: those of the default cost are above, and tests verify all of them."""
    hasher = PBKDF2SHA1PasswordHasher()
    return hasher.encode(password, hasher.salt(), iterations=1000)


add(10, "unusable@example.com", make_password(None), verified=True)
add(11, "disabled@example.com", fast(password_of("disabled")), verified=True, is_active=False)
add(12, "staff@example.com", fast(password_of("staff")), verified=True, is_staff=True)
add(13, "super@example.com", fast(password_of("super")), is_staff=True, is_superuser=True)
add(14, "unverified@example.com", fast(password_of("unverified")), verified=False)
# The time of this one has no fraction: SQLite's text is shorter then.
add(15, "Names@Example.com", fast(password_of("names")), verified=True, first_name="길동", last_name="O'Hara \"Ω\"", last_login=moment(3, 0))
# What createsuperuser let in: two addresses that differ in case alone.
add(20, "root@example.com", fast(password_of("root")), is_staff=True, is_superuser=True)
add(21, "Root@example.com", fast(password_of("Root")), is_staff=True, is_superuser=True)
# A hash that another library made, and a second verified address.
add(22, "foreign@example.com", "sha512_crypt$$6$salt$abcdefghijklmnop", verified=True)
two = add(23, "two@example.com", fast(password_of("two")), verified=True)
EmailAddress.objects.create(user=two, email="second@example.com", verified=True, primary=False)
add(1000000, "late@example.com", fast(password_of("late")), verified=True)

call_command("dumpdata", "accounts", "account", indent=1, output=str(DUMP), verbosity=0)
json.loads(DUMP.read_text())

from django.db import connection  # noqa: E402

with connection.cursor() as cursor:
    cursor.execute("PRAGMA page_size = 1024")  # a small file
    cursor.execute("VACUUM")
shutil.rmtree(PROJECT)
print(f"{User.objects.count()} users in {DATABASE.name} ({os.path.getsize(DATABASE)} bytes) and {DUMP.name}")
