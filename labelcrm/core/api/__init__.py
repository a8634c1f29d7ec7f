"""What every endpoint of the REST API shares.

settings.REST_FRAMEWORK names the four below, and DRF imports them while its own views are being imported:
nothing here may import `rest_framework.views`. What endpoints are built from is in `viewsets` and `serializers`.
"""

from .errors import explain_exception
from .filtering import StrictFilterBackend
from .pagination import KeysetPagination
from .throttling import TokenThrottle

__all__ = ["KeysetPagination", "StrictFilterBackend", "TokenThrottle", "explain_exception"]
