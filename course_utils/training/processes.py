"""Several processes that share one training: who am I, and what do we have together?"""

import importlib
import os
from contextlib import contextmanager

import torch
import torch.distributed as distributed


@contextmanager
def process_group(device: str | None = None):
    """Join the processes that torchrun started: nccl for GPUs, gloo for CPUs.

    device: "cpu" where a GPU is there and not wanted, "cuda" or None. ValueError for
    another: no group of processes works on it.
    """
    if not distributed.is_torchelastic_launched():
        yield
        return
    if device not in ("cpu", "cuda", None):
        raise ValueError(f"--device must be cpu or cuda under torchrun, got {device}")
    on_gpu = device != "cpu" and torch.cuda.is_available()
    # This module takes the group of the time when it is imported as a default argument.
    # Imported later, by DDP, it keeps gloo's threads alive when the group is destroyed,
    # and a thread that is busy while Python shuts down aborts the process.
    importlib.import_module("torch.distributed.nn")
    if on_gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    store, rank, n_processes = next(distributed.rendezvous("env://"))
    # torchrun's own store outlives a restart, with the addresses of lost processes in
    # it (pytorch issue 135712). So each start uses a part of the store of its own.
    if os.environ["TORCHELASTIC_USE_AGENT_STORE"] == "True":
        start = os.environ["TORCHELASTIC_RESTART_COUNT"]
        store = distributed.PrefixStore(f"start {start}", store)
    backend = "nccl" if on_gpu else "gloo"
    distributed.init_process_group(
        backend, store=store, rank=rank, world_size=n_processes
    )
    try:
        yield
    finally:
        distributed.destroy_process_group()


def processes() -> tuple[int, int]:
    """Return the number of this process, from 0, and how many there are."""
    if distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def sum_over_processes(value: float, device: torch.device) -> float:
    """Return the sum of ``value`` over all processes, in each of them."""
    if not distributed.is_initialized():
        return value
    total = torch.tensor(float(value), dtype=torch.float64, device=device)
    distributed.all_reduce(total)
    return total.item()
