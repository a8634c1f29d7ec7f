"""Second looks are tested on the shops that pages are tested on."""

from tests.desk.conftest import other_shop as other_shop
from tests.desk.conftest import shop as shop
