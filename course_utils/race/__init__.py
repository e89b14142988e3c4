"""A race to the floor: who comes closest to the lowest possible loss on a budget?

A recipe is a file with two functions, ``build`` and ``train`` (see ``inside``). The
rules are those of serious speed-runs, held by the measuring and not by trust:

- **One budget for all**: ``seconds`` by our clock on ``threads`` threads, or so many
  ``tokens`` to learn from; and a limit on the parameters.
- **No test data**: stories that measure a model are drawn after its training ended.
- **Nothing brought along**: token ids are dealt anew for each seed, so that what a
  model knows of them it has learnt here. Trained models and the world's grammar are
  out of reach. Of a training only the weights are kept, as plain numbers, and
  measuring has too little time to learn from anything that they hide.
- **A proper prediction**: a model places its bet on the next token before it is told
  the token; every token counts; and the bets are made to sum to one here.
- **Significance**: several seeds; a lead counts as shown where p < 0.01.
- **Equal hardware**: only what was run on the same machine, with the same versions and
  limits, stands in one table.

The gap to the floor cannot be negative on average (``cross_entropy.gap_to_floor``): a
model that is clearly below it has not won, and the race says so.

What measuring from outside cannot tell is how a recipe knows what it knows. One that
brings the world's grammar along, packed into few bytes, and finds out which id is which
word, bets rightly and comes to the floor. So recipes are short, and a winner's is read.
With ``--trust`` there is no sandbox: then files are within reach, and so is a GPU.

Floors: stands on the exercises' containment; nothing stands on it.
Source of the rules: Jordan et al. 2024, https://github.com/KellerJordan/modded-nanogpt
(fixed data, p < 0.01, the same hardware).
"""
