"""What every endpoint of the REST API shares.

settings.REST_FRAMEWORK names those below, and DRF imports them while its own views are being imported:
nothing here may import `rest_framework.views`. What endpoints are built from is in `viewsets` and `serializers`.
"""

from .authentication import TokenAuthentication
from .errors import explain_exception
from .filtering import StrictFilterBackend
from .pagination import KeysetPagination
from .throttling import TokenThrottle

__all__ = ["KeysetPagination", "StrictFilterBackend", "TokenAuthentication", "TokenThrottle", "explain_exception"]
