#!/usr/bin/env python3
"""Curves of queries a second (logarithmic) over recall as one SVG, from the JSON lines that compare_ann.py --curve wrote.

usage: plot.py OUT.svg TITLE FILE...   (Python's standard library only)"""
import json
import math
import sys

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 430, 70, 190, 40, 50
COLOURS = ["#d1495b", "#2e5e8c", "#3f8f5f", "#b07d2b", "#7a4fa3", "#4a4a4a", "#1c9aa8", "#a33f7c"]


def spaced(recall):
    """Recall as the misses' logarithm: 0.9, 0.99 and 0.999 stand equally far apart."""
    return -math.log10(1.0005 - recall)


def draw(title, curves):
    points = [point for curve in curves.values() for point in curve]
    low_x, high_x = spaced(min(p[0] for p in points)), spaced(max(p[0] for p in points))
    low_y = math.floor(math.log10(min(p[1] for p in points)) * 2) / 2
    high_y = math.ceil(math.log10(max(p[1] for p in points)) * 2) / 2

    def x(recall):
        return LEFT + (spaced(recall) - low_x) / (high_x - low_x) * (WIDTH - LEFT - RIGHT)

    def y(qps):
        return HEIGHT - BOTTOM - (math.log10(qps) - low_y) / (high_y - low_y) * (HEIGHT - TOP - BOTTOM)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>', f'<text x="{LEFT}" y="24" font-size="15">{title}</text>']
    for recall in (0.8, 0.85, 0.9, 0.95, 0.98, 0.99, 0.995):
        if low_x - 1e-9 <= spaced(recall) <= high_x + 1e-9:
            out.append(f'<path d="M{x(recall):.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#e3e3e3"/>'
                       f'<text x="{x(recall):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{recall}</text>')
    for half in range(round(low_y * 2), round(high_y * 2) + 1):
        for factor in ((1, 2, 5) if half % 2 == 0 else ()):
            qps = 10 ** (half / 2) * factor
            if low_y <= math.log10(qps) <= high_y + 1e-9:
                out.append(f'<path d="M{LEFT} {y(qps):.1f}H{WIDTH - RIGHT}" stroke="#e3e3e3"/>'
                           f'<text x="{LEFT - 8}" y="{y(qps) + 4:.1f}" text-anchor="end">{qps:,.0f}</text>')
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" text-anchor="middle">recall@10</text>'
               f'<text transform="translate(16 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">queries a second, one thread</text>')
    for number, (side, curve) in enumerate(curves.items()):
        colour, width = COLOURS[number % len(COLOURS)], 2.5 if side.startswith("saker") else 1.5
        path = "L".join(f"{x(recall):.1f} {y(qps):.1f}" for recall, qps in sorted(curve))
        dots = "".join(f'<circle cx="{x(recall):.1f}" cy="{y(qps):.1f}" r="2.5"/>' for recall, qps in curve)
        out.append(f'<g fill="{colour}"><path d="M{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>{dots}'
                   f'<text x="{WIDTH - RIGHT + 14}" y="{TOP + 14 + 20 * number}">{side}</text></g>')
    return "\n".join(out) + "\n</svg>\n"


def main():
    if len(sys.argv) < 4:
        raise SystemExit(__doc__)
    curves = {}
    for path in sys.argv[3:]:
        with open(path) as lines:
            for line in map(json.loads, lines):
                curves.setdefault(line["side"], []).append((line["recall"], line["qps"]))
    if not curves:
        raise SystemExit("the files hold no points")
    with open(sys.argv[1], "w") as out:
        out.write(draw(sys.argv[2], curves))


if __name__ == "__main__":
    main()
