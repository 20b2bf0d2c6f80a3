from django.apps import AppConfig


class CloseConfig(AppConfig):
    name = "apps.close"
