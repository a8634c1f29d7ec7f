"""What every endpoint of the REST API shares.

settings.REST_FRAMEWORK names those below, and DRF imports them while its own views are being imported:
nothing here may import `rest_framework.views`. What endpoints are built from is in `viewsets` and `serializers`.
"""

from labelcrm.core.api.authentication import TokenAuthentication
from labelcrm.core.api.errors import explain_exception
from labelcrm.core.api.filtering import StrictFilterBackend
from labelcrm.core.api.pagination import KeysetPagination
from labelcrm.core.api.throttling import TokenThrottle

__all__ = ["KeysetPagination", "StrictFilterBackend", "TokenAuthentication", "TokenThrottle", "explain_exception"]
