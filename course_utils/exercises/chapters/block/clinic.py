"""The bug clinic block.one_for_two: patient, healthy twin, suspects."""

from course_utils.exercises.engine.clinics import Clinic

from .gpt_block import _block
from .my_gpt import _layers, _stacked, my_gpt


def _one_norm_for_two(ids, weights, n_head):
    def block(x, layer, n_head):
        return _block(x, layer, n_head, second_norm=1)

    return _stacked(ids, weights, n_head, _layers(weights), block)


one_for_two = Clinic(
    name="block.one_for_two",
    complaint="This GPT gives the very logits of transformers' GPT-2 when both are "
    "new, and its loss falls. But given trained weights it writes nonsense.",
    patient=_one_norm_for_two,
    healthy=my_gpt.reference,
    suspects={
        "the final LayerNorm is missing": "the logits would differ already when the "
        "model is new, and the first part to differ would be final_norm.",
        "GELU has its exact form": "a new model would show it, by little, and the "
        "first part to differ would be what goes into mlp.contract.",
        "positions start at 1": "a new model would show it, in the very first sum.",
        "ln_1 serves both halves of a block": "the first part to differ would be "
        "norm_2: new LayerNorms are all equal, trained ones are not.",
        "no LayerNorm uses its gain": "a new model could not show it, true; but the "
        "first part to differ would be norm_1 of block 0.",
    },
    fault="ln_1 serves both halves of a block",
    evidence="The first part that differs is blocks.0.norm_2: what went in was right, "
    "what came out was not. A new model has gains of 1 and biases of 0 everywhere, so "
    "there ln_1 and ln_2 are one function. Compare with large random values in every "
    "parameter.",
)
