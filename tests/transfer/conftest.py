"""Imports and exports are tested on what gateways posted and the drain processed."""

from tests.webhooks.conftest import _front_store as _front_store
