from django.apps import AppConfig


class TransferConfig(AppConfig):
    """No models: its kinds of long work (`transfer.jobs`) are found because it is an app."""

    name = "transfer"
