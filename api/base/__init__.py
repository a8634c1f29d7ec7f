"""What every endpoint of the REST API shares.

settings.REST_FRAMEWORK names those below, and DRF imports them while its own views are being imported:
nothing here may import `rest_framework.views`. What endpoints are built from is in `viewsets` and `serializers`.
"""

from api.base.authentication import TokenAuthentication
from api.base.errors import explain_exception
from api.base.filtering import StrictFilterBackend
from api.base.pagination import KeysetPagination
from api.base.throttling import TokenThrottle

__all__ = ["KeysetPagination", "StrictFilterBackend", "TokenAuthentication", "TokenThrottle", "explain_exception"]
