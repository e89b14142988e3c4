"""The bug clinic huggingface.head_apart: patient, healthy twin, suspects."""

from torch import nn

from course_utils.exercises.engine.clinics import Clinic


def _to_huggingface(model):
    from course_utils.huggingface import to_huggingface

    return to_huggingface(model)


def _with_a_copied_head(model):
    theirs = _to_huggingface(model)
    copy = theirs.transformer.wte.weight.detach().clone()
    theirs.lm_head.weight = nn.Parameter(copy)
    return theirs


head_apart = Clinic(
    name="huggingface.head_apart",
    complaint="This conversion to transformers gives exactly our logits, on random "
    "weights too, and the loss falls as the model trains there. But it does not fall "
    "as ours does: after the same steps on the same text, the two have parted.",
    patient=_with_a_copied_head,
    healthy=_to_huggingface,
    suspects={
        "a square matrix is not transposed": "the logits would differ at once, and "
        "trace() would name an attention.project.",
        "the head is a copy of the token table": "the model would have more "
        "parameters than its healthy twin: V · C more.",
        "the final LayerNorm is left out": "the logits would differ at once; trace() "
        "would name final_norm.",
        "dropout is still on": "two runs of one model on the same ids would differ.",
        "it shares its memory with our model": "our own model would change while "
        "theirs is trained, with nothing brought back.",
    },
    fault="the head is a copy of the token table",
    evidence="It has V · C parameters more than its healthy twin, and lm_head.weight "
    "and wte.weight are two parameters. Equal at first, each gets its own half of the "
    "gradient and goes its own way; our one table gets the sum of both. What comes "
    "back from there is another kind of model, with a head of its own. Equal logits "
    "prove a conversion for reading, not for training: compare gradients too.",
)
