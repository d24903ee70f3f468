"""Charts as inline SVG: bars with spread, lines, percentiles. No script, so print shows all of it.

Colours come from the classes c0 .. c7 (fill) and l0 .. l7 (stroke) of the page's style sheet.
"""

import html
import math

from .table import short

COLOURS = 8
WIDTH = 720
LABELS, VALUES = 190, 130   # left of the bars, and right of them
ROW, BAR = 22, 12
LINE_WIDTH, LINE_HEIGHT = 350, 220
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 14, 38


def escape(text):
    return html.escape(str(text), quote=True)


def text(x, y, words, kind="", anchor="start"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">'
            f"{escape(words)}</text>")


def line(x1, y1, x2, y2, kind):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def drawing(width, height, label, parts):
    return (f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">'
            f"<title>{escape(label)}</title>{''.join(parts)}</svg>")


def clipped(words, most):
    return words if len(words) <= most else words[:most - 1] + "…"


def nice_ticks(top, about=4):
    """Round numbers from 0 to at least `top`."""
    rough = top / about
    step = 10 ** math.floor(math.log10(rough))
    step = next(step * factor for factor in (1, 2, 5, 10) if step * factor >= rough)
    return [step * i for i in range(math.ceil(top / step - 1e-9) + 1)]


def log_ticks(low, high):
    """Powers of ten that enclose both."""
    begin, end = math.floor(math.log10(low)), math.ceil(math.log10(high))
    end = max(end, begin + 1)
    return [10.0 ** power for power in range(begin, end + 1)]


def plain(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:g}"


# --- Bars ------------------------------------------------------------------------------------


def bars(label, unit, rows):
    """rows: (name, colour, values); values may be empty. A bar is the median, the thin line goes
    from the fastest run to the slowest, each dot is a run."""
    known = [value for _, _, values in rows for value in values]
    ticks = nice_ticks(max(known))
    span = WIDTH - LABELS - VALUES
    height = len(rows) * ROW + 24

    def at(value):
        return LABELS + span * value / ticks[-1]

    parts = [line(at(tick), 0, at(tick), height - 20, "grid") for tick in ticks]
    parts += [text(at(tick), height - 6, plain(tick), "tick", "middle") for tick in ticks[:-1]]
    parts.append(text(at(ticks[-1]), height - 6, f"{plain(ticks[-1])} {unit}", "tick", "middle"))
    for place, (name, colour, values) in enumerate(rows):
        middle = place * ROW + ROW / 2
        parts.append(text(LABELS - 8, middle + 4, clipped(name, 28), "name", "end"))
        parts.append(bar(values, middle, colour, at) if values
                     else text(LABELS + 4, middle + 4, "failed", "bad"))
    return drawing(WIDTH, height, label, parts)


def bar(values, middle, colour, at):
    ordered = sorted(values)
    half = len(ordered) // 2
    median = ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
    parts = [f'<rect x="{at(0):.1f}" y="{middle - BAR / 2:.1f}" height="{BAR}" '
             f'width="{at(median) - at(0):.1f}" class="bar c{colour}"/>',
             line(at(ordered[0]), middle, at(ordered[-1]), middle, "whisker")]
    parts += [f'<circle cx="{at(value):.1f}" cy="{middle:.1f}" r="1.8" class="run"/>'
              for value in ordered]
    parts.append(text(at(ordered[-1]) + 8, middle + 4, short(median), "value"))
    return "".join(parts)


# --- Lines -----------------------------------------------------------------------------------


class Axes:
    """A frame with a scale on either side; `log_x` spreads values that differ by factors."""

    def __init__(self, points, log_x=False, log_y=False, names_x=None):
        xs, ys = [x for x, _ in points], [y for _, y in points]
        self.log_x, self.log_y, self.names_x = log_x, log_y, names_x or {}
        self.ticks_y = log_ticks(min(ys), max(ys)) if log_y else nice_ticks(max(ys))
        self.ticks_x = sorted(set(xs))
        self.low_x, self.high_x = self.scale_x(min(xs)), self.scale_x(max(xs))

    def scale_x(self, value):
        return math.log10(value) if self.log_x else value

    def x(self, value):
        span = self.high_x - self.low_x
        share = (self.scale_x(value) - self.low_x) / span if span else 0.5
        return LEFT + 8 + share * (LINE_WIDTH - LEFT - RIGHT - 16)

    def y(self, value):
        low, high = self.ticks_y[0], self.ticks_y[-1]
        share = (math.log10(value / low) / math.log10(high / low) if self.log_y
                 else value / high)
        return LINE_HEIGHT - BOTTOM - share * (LINE_HEIGHT - TOP - BOTTOM)

    def draw(self, name_x, name_y):
        parts = []
        for tick in self.ticks_y:
            parts.append(line(LEFT, self.y(tick), LINE_WIDTH - RIGHT, self.y(tick), "grid"))
            parts.append(text(LEFT - 6, self.y(tick) + 4, plain(tick), "tick", "end"))
        last = -math.inf
        for tick in self.ticks_x:
            if self.x(tick) - last >= 26:  # else the names would touch
                last = self.x(tick)
                words = self.names_x.get(tick, plain(tick))
                parts.append(text(last, LINE_HEIGHT - BOTTOM + 15, words, "tick", "middle"))
        parts.append(text((LEFT + LINE_WIDTH) / 2, LINE_HEIGHT - 6, name_x, "axis", "middle"))
        parts.append(text(4, 10, name_y, "axis"))
        return parts


def lines(label, name_x, name_y, series, **scales):
    """series: (colour, [(x, y)], dashed?)."""
    axes = Axes([point for _, points, _ in series for point in points], **scales)
    parts = axes.draw(name_x, name_y)
    for colour, points, dashed in series:
        places = [(axes.x(x), axes.y(y)) for x, y in sorted(points)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        dash = " dashed" if dashed else ""
        parts.append(f'<polyline points="{path}" class="line l{colour}{dash}"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" class="c{colour}"/>'
                  for x, y in places]
    return drawing(LINE_WIDTH, LINE_HEIGHT, label, parts)


def legend(names):
    """names: (words, colour)."""
    shown = [f'<span><i class="b{colour}"></i>{escape(words)}</span>' for words, colour in names]
    return f'<p class="legend">{" ".join(shown)}</p>'
