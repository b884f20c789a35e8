"""Writes the test vectors that Django and Python themselves give. README.md beside it says how to run it."""

import json
import random
import sys
from difflib import SequenceMatcher
from pathlib import Path

import argon2
import django
from django.conf import settings
from django.contrib.auth import hashers, password_validation
from django.core.exceptions import ValidationError

HERE = Path(__file__).parent

settings.configure(
    PASSWORD_HASHERS=[
        "django.contrib.auth.hashers." + name
        for name in (
            "PBKDF2PasswordHasher PBKDF2SHA1PasswordHasher Argon2PasswordHasher BCryptSHA256PasswordHasher "
            "BCryptPasswordHasher ScryptPasswordHasher"
        ).split()
        if hasattr(hashers, name)
    ],
    AUTH_PASSWORD_VALIDATORS=[
        {"NAME": "django.contrib.auth.password_validation." + name}
        for name in (
            "UserAttributeSimilarityValidator MinimumLengthValidator CommonPasswordValidator NumericPasswordValidator"
        ).split()
    ],
    USE_I18N=False,
)
django.setup()

PASSWORDS = ["correct horse battery staple", " p\u00e4ss ", "pa\u0308ss", "\ube44\ubc00\ubc88\ud638", "\U0001f511" * 9, "x" * 72]


def write(name, value):
    (HERE / name).write_text("[\n" + ",\n".join(map(json.dumps, value)) + "\n]\n")


def hash_vectors():
    """Each format with its default cost once, and with a small one for each password."""
    cheap = {
        "pbkdf2_sha256": lambda h, p: h.encode(p, h.salt(), 100),
        "pbkdf2_sha1": lambda h, p: h.encode(p, h.salt(), 100),
        "argon2": lambda h, p: "argon2" + argon2.low_level.hash_secret(
            p.encode(), h.salt().encode(), time_cost=1, memory_cost=64, parallelism=2, hash_len=32, type=argon2.Type.ID
        ).decode(),
        "bcrypt_sha256": lambda h, p: h.encode(p, type(h).library_salt()),
        "bcrypt": lambda h, p: h.encode(p, type(h).library_salt()),
        "scrypt": lambda h, p: h.encode(p, h.salt(), n=16, r=8, p=2),
    }
    import bcrypt

    for h in hashers.BCryptSHA256PasswordHasher, hashers.BCryptPasswordHasher:
        h.library_salt = staticmethod(lambda: bcrypt.gensalt(4))
    vectors = []
    for h in hashers.get_hashers():
        vectors.append((h.algorithm + " by default", PASSWORDS[0], hashers.make_password(PASSWORDS[0], hasher=h.algorithm)))
        vectors += [(h.algorithm, p, cheap[h.algorithm](h, p)) for p in PASSWORDS]
    # What Django 1.10 to 3.1 wrote.
    vectors.append(("argon2i", PASSWORDS[0], "argon2" + argon2.low_level.hash_secret(
        PASSWORDS[0].encode(), b"saltsaltsalt", time_cost=2, memory_cost=512, parallelism=2, hash_len=16, type=argon2.Type.I
    ).decode()))
    vectors.append(("bcrypt_sha256 of a long password", "x" * 100, cheap["bcrypt_sha256"](hashers.get_hasher("bcrypt_sha256"), "x" * 100)))
    for name, password, encoded in vectors:
        assert hashers.check_password(password, encoded), name
    write(f"hashes-django-{django.VERSION[0]}.{django.VERSION[1]}.json",
          [{"name": n, "password": p, "hash": e} for n, p, e in vectors])


class Field:
    def __init__(self, verbose_name):
        self.verbose_name = verbose_name


class Meta:
    def get_field(self, name):
        return Field({"first_name": "first name", "last_name": "last name", "email": "email address"}[name])


class User:
    _meta = Meta()

    def __init__(self, first_name, last_name, email):
        self.first_name, self.last_name, self.email = first_name, last_name, email


def policy_vectors():
    chance = random.Random(1)
    common = [line.strip() for line in password_validation.gzip.open(
        password_validation.CommonPasswordValidator.DEFAULT_PASSWORD_LIST_PATH, "rt")]
    users = [
        ("", "", ""), ("Ada", "Lovelace", "ada.lovelace@example.com"), ("\uae38\ub3d9", "\ud64d", "gildong@x.kr"),
        ("\u0130brahim", "O'Neil-Smith", "u+tag_1@sub.example.org"), ("\u039f\u03b4\u03c5\u03c3\u03c3\u03ad\u03b1\u03a3", "Jos\u00e9", "j\u00f6@b\u00fccher.example"),
        ("\u0130" * 4, "\u0391\u03a3", ""),  # lower case of more letters, and of a final sigma
    ]
    fixed = [
        "1234567", "password", "PASSWORD ", " Password1", "lovelaceada", "ada.lovelace", "ADALOVELACE1", "example.com", "Smithneil",
        "\u03bf\u03b4\u03c5\u03c3\u03c3\u03b5\u03b1\u03c2", "\u03bf\u03b4\u03c5\u03c3\u03c3\u03ad\u03b1\u03c2", "i\u0307brahim", "ibrahim!", "\ud64d\uae38\ub3d9", "gildong@x",
        "\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668", "12345678901", "correct horse battery staple", "\U0001f511" * 8, "\U0001f511" * 7, "a" * 200, "u_tag1", "tag_1tag", "iiiizzz", "\u03b1\u03c2", "\u03b1\u03c3",
    ]
    alphabet = "adlovelce@.xmp1 \uae38\ub3d9\ud64d"
    passwords = fixed + chance.sample(common, 40) + [
        "".join(chance.choice(alphabet) for _ in range(chance.randint(1, 30))) for _ in range(150)
    ]
    vectors = []
    for user in users:
        for password in passwords:
            try:
                password_validation.validate_password(password, User(*user))
                messages = []
            except ValidationError as e:
                messages = e.messages
            vectors.append({"first_name": user[0], "last_name": user[1], "email": user[2], "password": password, "messages": messages})
    write("policy.json", vectors)


def ratio_vectors():
    chance = random.Random(2)
    alphabet = "aabbcd\u00e9\uae38\U0001f511"
    words = ["", "a", "aaaa"] + ["".join(chance.choice(alphabet) for _ in range(chance.randint(0, 25))) for _ in range(60)]
    pairs = [(chance.choice(words), chance.choice(words)) for _ in range(500)]
    write("ratios.json", [{"a": a, "b": b, "ratio": SequenceMatcher(a=a, b=b).quick_ratio()} for a, b in pairs])


hash_vectors()
if sys.argv[1:] == ["policy"]:
    policy_vectors()
    ratio_vectors()
