from django.apps import AppConfig


class DeskConfig(AppConfig):
    """No models: templates, template tags, commands, and the admin's pages (`desk.admin`)."""

    name = "desk"
