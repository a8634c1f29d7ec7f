"""How well one colour reads on another, by WCAG 2.2; and the grounds that pages have by day and by night."""

from __future__ import annotations

# Of unfold: white and its base-50 by day, base-900 and base-800 by night.
DAY, NIGHT = ("#ffffff", "#f9fafb"), ("#101828", "#1e2939")
SURFACES = (*DAY, *NIGHT)


def contrast(one: str, other: str) -> float:
    """The ratio of two "#rrggbb", from 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
