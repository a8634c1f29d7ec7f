"""How Indonesian pages write a time: as the rest of our pages do, never with a.m. or a dot in the hour."""

DATE_FORMAT = SHORT_DATE_FORMAT = "j M Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "j M Y H:i"
