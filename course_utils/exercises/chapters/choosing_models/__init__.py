"""Exercises on choosing a model: front, training compute, laws, the best split.

Notebook 13. Floors are never 0, points never lie on the law, and no two constants are
alike: what is right only by luck is seen.
"""

from course_utils.exercises.engine.questions import Question

SECTIONS = (
    "pareto_front",
    "training_flops",
    "fit_power_law",
    "best_split",
    "clinic",
)

QUESTIONS = (
    Question(
        "Model A is faster and as good as B. Is B on the Pareto front? And if A is "
        "faster and a little worse?",
        "No: A beats B. In the second case neither beats the other, and both stay.",
        (
            "choosing_models.pareto_front: beaten only if worse everywhere",
            "choosing_models.pareto_front: beaten by one better column",
        ),
    ),
    Question(
        "What does training cost, in FLOPs, for N parameters and D tokens? Reading?",
        "About 6·N·D: 2 forward, 4 backward. Reading or writing D tokens: 2·N·D.",
        (
            "choosing_models.training_flops: the forward pass only",
            "choosing_models.training_flops: texts taken for tokens",
        ),
    ),
    Question(
        "Losses over model size bend in a log-log picture. Does no power law hold?",
        "Perhaps one does, above a floor: subtract it first. If nobody knows the "
        "floor, it has to be fitted as well, and the exponent becomes uncertain.",
        ("choosing_models.fit_power_law: the floor left in",),
    ),
    Question(
        "A budget grows a hundredfold. By Chinchilla's rule, how much larger is the "
        "model?",
        "About ten times, and it reads about ten times as many tokens: 6·N·D grows a "
        "hundredfold.",
        ("choosing_models.best_split: exponents swapped",),
    ),
)
