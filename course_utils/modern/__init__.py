"""What came after GPT-2: the parts that its successors changed, one by one.

``config`` says which parts a model has; its defaults are GPT-2's, its recipe that of
2025. ``parts`` holds norm, positions and MLP, ``attention`` and ``experts`` what needs
more, ``model`` joins them. ``folders`` writes and reads the files of transformers'
Llama, Qwen3 and Mixtral.

Floors: stands on ``attention`` and ``block``; ``experiments`` measures what each buys.
"""

from course_utils.modern.config import ModernConfig, recipe
from course_utils.modern.model import ModernGPT, future_loss

__all__ = ["ModernConfig", "ModernGPT", "future_loss", "recipe"]
