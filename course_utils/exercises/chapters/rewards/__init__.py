"""Exercises on learning from rewards: gradients, advantages, clipping, distances.

After the page on applications. Groups differ in how often they are right, one of them
always is; ratios leave the clip on both sides with advantages of both signs.
"""

from course_utils.exercises.engine.questions import Question

SECTIONS = (
    "reward_gradient",
    "group_advantages",
    "clipped_loss",
    "kl_estimate",
    "preference_loss",
    "clinic",
)

QUESTIONS = (
    Question(
        "Every text that a model draws for a prompt gets the reward 1. What does it "
        "learn?",
        "Nothing: compared with its group none is better. Only groups with right and "
        "wrong texts have a gradient.",
        (
            "rewards.group_advantages: the baseline is that of the batch",
            "rewards.reward_gradient: no baseline",
        ),
    ),
    Question(
        "When does the clip take a token's gradient away?",
        "When its ratio has left the band on the side to which its advantage pushes. "
        "What has moved the wrong way is still pulled back.",
        (
            "rewards.clipped_loss: clipped on the wrong side",
            "rewards.clipped_loss: always the clipped ratio",
        ),
    ),
    Question(
        "From what the model draws, how do you estimate its distance to the start "
        "without ever a negative number?",
        "k3: r − 1 − ln r, with r the start's probability over the model's. Its mean "
        "is that of −ln r, which is negative for many draws.",
        (
            "rewards.kl_estimate: the ratio upside down",
            "rewards.kl_estimate: only minus the logarithm",
        ),
    ),
    Question(
        "What is the preference loss before the first step of training, and why?",
        "ln 2: nothing has risen yet, every margin is 0, and sigmoid(0) is one half.",
        ("rewards.preference_loss: the model before is forgotten",),
    ),
)
