"""The backward pass through a graph of numbers: exercise slopes and its mistakes."""

from course_utils.exercises.engine.definition import Exercise

# Each number's parents, as places in the list; the last number is behind nothing.
_SHAPES = (
    [[], [0]],
    [[], [0], [1]],
    [[], [0, 0]],
    [[], [0], [0, 1]],
    [[], [], [0, 1], [2, 2], [3, 1]],
    [[], [0], [0, 1], [1, 2], [3, 0]],
)


def _graph_cases(rng):
    for shape in _SHAPES:
        names = [chr(ord("a") + i) for i in range(len(shape))]
        made_of = {
            name: [(names[i], rng.choice((-1, 1)) * rng.randint(2, 9) / 4) for i in row]
            for name, row in zip(names, shape, strict=True)
        }
        # In no order that would help: alphabetical, or as they were made.
        mixed = rng.sample(names, len(names))
        yield {name: made_of[name] for name in mixed}, names[-1]
    # Names of any length, and a number that stands beside the way to the last.
    loss = {"w": [], "wx": [("w", 2.0)], "beside": [("wx", 4.0)], "loss": [("wx", 3.0)]}
    yield loss, "loss"


def slopes(made_of, last):
    order = []  # each number after all that it was made of

    def visit(name):
        if name not in order:
            for parent, _ in made_of[name]:
                visit(parent)
            order.append(name)

    visit(last)
    gradients = dict.fromkeys(order, 0.0)
    gradients[last] = 1.0
    for name in reversed(order):
        for parent, slope in made_of[name]:
            gradients[parent] += slope * gradients[name]
    return gradients


def _order(made_of, last):
    """Return all names, each after everything it was made of."""
    order = []

    def visit(name):
        if name not in order:
            for parent, _ in made_of[name]:
                visit(parent)
            order.append(name)

    visit(last)
    return order


def _walk(made_of, last, order, start=1.0, share=lambda slope, g: slope * g):
    """Hand gradients on in this order, last name first."""
    gradients = dict.fromkeys(_order(made_of, last), 0.0)
    gradients[last] = start
    for name in reversed(order):
        for parent, slope in made_of[name]:
            gradients[parent] += share(slope, gradients[name])
    return gradients


slopes = Exercise(
    name="backward.slopes",
    task="(dict made_of, str last) -> dict name -> float: the gradient of last for "
    "last itself and each number behind it. made_of[name] lists its parents as pairs "
    "(parent, slope): name rises slope times as much as that parent alone. A leaf's "
    "list is empty; the dict is in no order.",
    reference=slopes,
    cases=_graph_cases,
    hints=(
        "last has gradient 1. When may a number hand its gradient on to its parents?",
        "A dict from names to floats that all start at 0.0. Several users of a number "
        "add to the same entry.",
        "order = all behind last, each after its parents (visit parents first)\n"
        "gradients = 0 for each, 1 for last\n"
        "for name in order, from its end:\n"
        "    for parent, slope in made_of[name]:\n"
        "        gradients[parent] += slope * gradients[name]",
    ),
    proves="This is all of backward: one pass over the graph, whatever it computes.",
)


@slopes.wrong
def overwritten_in_place_of_added(made_of, last):
    """A number that is used twice keeps only one of the two gradients. What comes back
    from each use is added: +=, not =."""
    order = _order(made_of, last)
    gradients = dict.fromkeys(order, 0.0)
    gradients[last] = 1.0
    for name in reversed(order):
        for parent, slope in made_of[name]:
            gradients[parent] = slope * gradients[name]
    return gradients


@slopes.wrong
def only_the_first_use_counts(made_of, last):
    """The first gradient that comes to a number stays, later ones are dropped. All uses
    add up."""
    order = _order(made_of, last)
    gradients = {last: 1.0}
    for name in reversed(order):
        for parent, slope in made_of[name]:
            gradients.setdefault(parent, slope * gradients[name])
    return gradients


@slopes.wrong
def handed_on_too_early(made_of, last):
    """You go from last outwards and hand a gradient on as soon as a number is reached.
    What comes later by a longer way is lost for all that lies behind. First put the
    numbers in order: each only after all its users."""
    gradients, reached = {last: 1.0}, [last]
    for name in reached:
        for parent, slope in made_of[name]:
            gradients[parent] = gradients.get(parent, 0.0) + slope * gradients[name]
            if parent not in reached:
                reached.append(parent)
    return gradients


@slopes.wrong
def handed_on_again_in_full(made_of, last):
    """Each time something comes to a number, you hand on all that it has so far: the
    first part goes on twice. Wait until everything has come, then hand it on once."""
    gradients, waiting = dict.fromkeys(_order(made_of, last), 0.0), [last]
    gradients[last] = 1.0
    while waiting:
        name = waiting.pop(0)
        for parent, slope in made_of[name]:
            gradients[parent] += slope * gradients[name]
            waiting.append(parent)
    return gradients


@slopes.wrong
def in_the_order_of_the_dict(made_of, last):
    """You take the numbers as the dict lists them. That is no order: a number may stand
    there before those that use it. Sort them first."""
    return _walk(made_of, last, [*made_of])


@slopes.wrong
def in_the_order_of_the_dict_from_its_front(made_of, last):
    """You loop over made_of as it comes. That is no order: a number may stand there
    before those that use it. Sort them first."""
    return _walk(made_of, last, [*made_of][::-1])


@slopes.wrong
def slope_left_out(made_of, last):
    """You hand the gradient on as it is. Each step multiplies by its own slope: that is
    the chain rule."""
    return _walk(made_of, last, _order(made_of, last), share=lambda slope, g: g)


@slopes.wrong
def gradient_of_the_user_left_out(made_of, last):
    """You add the slope alone. It says how much the *next* number rises; times that
    number's own gradient it says how much last rises."""
    return _walk(made_of, last, _order(made_of, last), share=lambda slope, g: slope)


@slopes.wrong
def slopes_added_along_a_path(made_of, last):
    """Along a path you add slopes. Slopes of steps in a row multiply; the sums belong
    between paths."""
    order = _order(made_of, last)
    return _walk(made_of, last, order, share=lambda slope, g: slope + g)


@slopes.wrong
def last_starts_at_zero(made_of, last):
    """All your gradients are 0: nothing was there to hand on. When last rises by 1, it
    rises by 1: its own gradient is 1."""
    return _walk(made_of, last, _order(made_of, last), start=0.0)


@slopes.wrong
def the_same_parent_twice_counts_once(made_of, last):
    """In x · x the parent x stands twice, with a slope each. You keep one of the two
    (a dict or a set of parents does that)."""
    once = {name: [*dict(pairs).items()] for name, pairs in made_of.items()}
    return _walk(once, last, _order(made_of, last))


@slopes.wrong
def only_leaves_returned(made_of, last):
    """You return the leaves alone. The gradients of all numbers behind last are asked
    for, and that of last."""
    gradients = _walk(made_of, last, _order(made_of, last))
    return {name: g for name, g in gradients.items() if not made_of[name]}


@slopes.wrong
def last_itself_left_out(made_of, last):
    """last itself is missing: its gradient is 1."""
    gradients = _walk(made_of, last, _order(made_of, last))
    del gradients[last]
    return gradients


@slopes.wrong
def only_the_parents_of_last(made_of, last):
    """Behind the parents of last nothing has arrived. Either you stop after one step
    back, or you go from the leaves to last and hand on before anything is there. Start
    at last and go on, parents to their parents."""
    return _walk(made_of, last, [last])


@slopes.wrong
def passed_on_at_every_visit(made_of, last):
    """Each time you come to a number, you hand on all that it has so far, at once and
    again: the first part goes on twice. Wait until everything has come, then hand it on
    once, in the reverse of the order in which the numbers were made."""
    gradients = {last: 1.0}

    def visit(name):
        for parent, slope in made_of[name]:
            gradients[parent] = gradients.get(parent, 0.0) + slope * gradients[name]
            visit(parent)

    visit(last)
    return gradients


@slopes.wrong
def what_last_does_not_rest_on_too(made_of, last):
    """You return all names of the dict. Those that last does not rest on have no part
    in it: only last and what is behind it are asked for."""
    others = dict.fromkeys(made_of, 0.0)
    return others | slopes.reference(made_of, last)


@slopes.wrong
def handed_on_again_from_a_stack(made_of, last):
    """Each time something comes to a number, you put it on the stack and hand on all
    that it has so far: the first part goes on twice. Wait until everything has come,
    then hand it on once."""
    gradients, stack = {last: 1.0}, [last]
    while stack:
        name = stack.pop()
        for parent, slope in made_of[name]:
            gradients[parent] = gradients.get(parent, 0.0) + slope * gradients[name]
            stack.append(parent)
    return gradients
