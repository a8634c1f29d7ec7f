from django.apps import AppConfig


class DemoConfig(AppConfig):
    """No models: the command that plays the story."""

    name = "demo"
