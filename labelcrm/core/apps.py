from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "labelcrm.core"
    label = "core"
    verbose_name = "Core"

    def ready(self) -> None:
        from django.apps import apps
        from django.db.models.signals import post_migrate
        from django.utils.module_loading import autodiscover_modules

        from labelcrm.core import checks  # noqa: F401 - registers itself
        from labelcrm.core.roles import sync_roles

        autodiscover_modules("jobs")  # every app's kinds of long work
        # The signal is sent for every app in turn; after the last one all permissions are there.
        *_others, last = (app for app in apps.get_app_configs() if app.models_module is not None)
        post_migrate.connect(sync_roles, sender=last, dispatch_uid="labelcrm.roles")
