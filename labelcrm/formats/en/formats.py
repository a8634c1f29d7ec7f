"""How English pages write a day and a time, everywhere: 29 Nov 2026, 09:00. Months are words: 3/4 is two days."""

DATE_FORMAT = SHORT_DATE_FORMAT = "j M Y"
MONTH_DAY_FORMAT = "j M"
YEAR_MONTH_FORMAT = "M Y"
TIME_FORMAT = "H:i"
TIME_INPUT_FORMATS = ["%H:%M", "%H:%M:%S", "%H.%M"]
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "j M Y, H:i"
