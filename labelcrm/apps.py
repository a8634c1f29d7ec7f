from django.apps import AppConfig


class WiringConfig(AppConfig):
    """No models: what every process that uses Django has to load."""

    name = "labelcrm"

    def ready(self) -> None:
        import labelcrm.celery  # noqa: F401 - publishing needs the app, in every process
