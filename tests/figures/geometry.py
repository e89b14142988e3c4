"""Whether a drawing can be read: no word over another, over a border, off the edge."""

from itertools import combinations, pairwise

from course_utils.figures.shapes import Line, Rect, Words


def overlap(one, other, least=1.0):
    """Return whether two boxes (left, top, right, bottom) share ground."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    return across > least and down > least


def crosses(box, start, end, n=60):
    """Return whether the line from start to end runs through a box."""
    for i in range(n + 1):
        x = start[0] + (end[0] - start[0]) * i / n
        y = start[1] + (end[1] - start[1]) * i / n
        if box[0] + 1 < x < box[2] - 1 and box[1] + 1 < y < box[3] - 1:
            return True
    return False


def faults(picture):
    """Return in words what cannot be read well in a picture made of shapes."""
    words = [shape for shape in picture.shapes if isinstance(shape, Words)]
    words = [shape for shape in words if shape.text.strip()]
    found = [
        f"{w.text!r} leaves the drawing"
        for w in words
        if w.box[0] < 0
        or w.box[1] < 0
        or w.box[2] > picture.width
        or w.box[3] > picture.height
    ]
    found += [
        f"{one.text!r} lies over {other.text!r}"
        for one, other in combinations(words, 2)
        if overlap(one.box, other.box)
    ]
    for i, shape in enumerate(picture.shapes):
        if isinstance(shape, Line):
            found += [
                f"a line runs through {w.text!r}"
                for w in words
                for ends in pairwise(shape.points)
                if crosses(w.box, *ends) and not _grounded(picture, w, i)
            ]
        elif isinstance(shape, Rect) and shape.edge != "none":
            found += [
                f"{w.text!r} does not fit its box" for w in words if _juts(w, shape)
            ]
    return found


def _grounded(picture, words, line):
    """Return whether white lies between the line, by its place, and the words."""
    place = next(i for i, shape in enumerate(picture.shapes) if shape is words)
    left, top, right, bottom = words.box
    return any(
        isinstance(r, Rect)
        and (r.fill, r.edge) == ("white", "none")
        and r.x <= left + 2
        and r.y <= top + 2
        and r.x + r.width >= right - 2
        and r.y + r.height >= bottom - 2
        for r in picture.shapes[line + 1 : place]
    )


def _juts(words, rect):
    """Return whether words that begin in a box, or lie over its border, leave it."""
    left, top, right, bottom = words.box
    box = (rect.x, rect.y, rect.x + rect.width, rect.y + rect.height)
    if not overlap(words.box, box):
        return False
    inside = left >= box[0] and top >= box[1] and right <= box[2] and bottom <= box[3]
    around = left <= box[0] and right >= box[2] and top <= box[1] and bottom >= box[3]
    return not inside and not around
