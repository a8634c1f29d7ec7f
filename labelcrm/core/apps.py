from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "labelcrm.core"
    label = "core"
    verbose_name = "Core"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate
        from django.utils.module_loading import autodiscover_modules

        from labelcrm.core import checks  # noqa: F401 - registers itself
        from labelcrm.core.roles import sync_roles

        autodiscover_modules("jobs")  # every app's kinds of long work
        post_migrate.connect(sync_roles, dispatch_uid="labelcrm.roles")
