from django.apps import AppConfig


class TransferConfig(AppConfig):
    """Files in and out. Its kinds of long work (`transfer.jobs`) are found because it is an app."""

    name = "transfer"
