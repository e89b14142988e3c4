"""Learning from rewards: the model writes, a check says how good, it writes such more.

Nobody shows what to write. The model draws texts, each gets a number, and what was
drawn becomes likelier where the number is above that of its group. The parts,
bottom-up: ``losses`` (advantages, the clipped loss, the distance to the start, a loss
for preferences), ``checks`` (rewards that the story world can give), ``loop`` (write,
check, learn).

Floors: stands on ``sampling``, ``training`` and ``world``.
Sources: Williams 1992 (REINFORCE); Schulman et al. 2017 (PPO: ratio and clipping);
Shao et al. 2024, "DeepSeekMath", section 4.1 (GRPO: the group is the baseline); Liu et
al. 2025, "Understanding R1-Zero-Like Training" (what dividing by spread and length
does); Rafailov et al. 2023 (DPO).
"""

from course_utils.rewards.checks import (
    count_endings,
    first_sentences,
    is_possible,
    is_right_answer,
    story_questions,
)
from course_utils.rewards.loop import (
    RewardConfig,
    RewardTrainer,
    Written,
    answer_log_probs,
    read,
    token_log_probs,
    write,
    write_groups,
)
from course_utils.rewards.losses import (
    clipped_loss,
    group_advantages,
    kl_estimates,
    preference_loss,
)

__all__ = [
    "RewardConfig",
    "RewardTrainer",
    "Written",
    "answer_log_probs",
    "clipped_loss",
    "count_endings",
    "first_sentences",
    "group_advantages",
    "is_possible",
    "is_right_answer",
    "kl_estimates",
    "preference_loss",
    "read",
    "story_questions",
    "token_log_probs",
    "write",
    "write_groups",
]
