"""A Django service that accepts an identity provider's tokens by its settings alone (docs/migrating-from-django.md).

    python service.py JWKS_URL USER_ID ISSUER AUDIENCE < tokens.json

Standard input is a JSON object of tokens by name. Each is sent to a view without a user table and to one that finds the
token's user, USER_ID, in Django's. An empty ISSUER or AUDIENCE is not checked. Standard output is a JSON object: by name,
the two answers as [status, body].
"""

import json
import sys

import django
from django.conf import settings

jwks_url, user_id, issuer, audience = sys.argv[1:]

settings.configure(
    SECRET_KEY="signs nothing here",
    ALLOWED_HOSTS=["testserver"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTStatelessUserAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    },
    SIMPLE_JWT={
        "ALGORITHM": "ES256",
        "JWK_URL": jwks_url,
        "ISSUER": issuer or None,
        "AUDIENCE": audience or None,
    },
)
django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402
from rest_framework_simplejwt.authentication import JWTAuthentication  # noqa: E402


class Stateless(APIView):
    def get(self, request):
        return Response({"user": request.user.pk})


class WithUsers(Stateless):
    authentication_classes = [JWTAuthentication]


urlpatterns = [path("stateless/", Stateless.as_view()), path("users/", WithUsers.as_view())]

call_command("migrate", verbosity=0)
get_user_model().objects.create(pk=int(user_id), username="a user who was there before")

client = Client()
answers = {}
for name, token in json.load(sys.stdin).items():
    replies = [client.get(url, headers={"Authorization": f"Bearer {token}"}) for url in ("/stateless/", "/users/")]
    answers[name] = [[reply.status_code, reply.json()] for reply in replies]
json.dump(answers, sys.stdout)
