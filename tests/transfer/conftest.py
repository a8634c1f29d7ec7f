"""Files are tested on what came through the front door."""

from tests.webhooks.conftest import _front_store as _front_store
