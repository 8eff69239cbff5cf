"""Learn vectors of words from pairs of texts that mean the same, with PyTorch.

Of a batch of pairs, each left text has to find its right one among those of all pairs, and the other way round:
in-batch negatives (Henderson et al., "Efficient natural language response suggestion for Smart Reply", 2017) with the
loss InfoNCE (van den Oord, Li and Vinyals, "Representation learning with contrastive predictive coding", 2018).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from triptych.faq.params import EncoderTrainingParams

if TYPE_CHECKING:
    import torch
    from torch import Tensor

logger = logging.getLogger(__name__)
# Held-out pairs that are looked at after every epoch: each is compared with all of them.
_MOST_HELD_OUT = 2000


class TextPairs(NamedTuple):
    """Pairs of texts that mean the same.

    Attributes:
        left: Weighted words, shape (pairs, words).
        right: The same.
        group: Pairs of one group mean the same all together, and are no negatives of each other, shape (pairs,).
    """

    left: csr_array
    right: csr_array
    group: NDArray[np.int64]

    def take(self, rows: NDArray[np.int64]) -> TextPairs:
        """Copy some pairs."""
        return TextPairs(csr_array(self.left[rows]), csr_array(self.right[rows]), self.group[rows])


class Learned(NamedTuple):
    """What training gives.

    Attributes:
        vectors: Of the words, shape (words, dimensions), float32.
        report: `epochs`, `best_epoch`, `mrr_untrained` and `mrr` of the held-out pairs, `device`.
    """

    vectors: NDArray[np.float32]
    report: dict[str, Any]


def learn_vectors(pairs: TextPairs, held_out: TextPairs, params: EncoderTrainingParams) -> Learned:
    """Train vectors of words until the held-out pairs find each other no better.

    It starts with random vectors, whose cosines are near those of the weighted words themselves: what comes out is no
    worse than that on the held-out pairs.

    Args:
        pairs: To learn from.
        held_out: Tell when to stop; of other texts.
        params: Settings.
    """
    # Imported here so that nothing else waits for it.
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(params.seed)
    rng = np.random.default_rng(params.seed)
    words = pairs.left.shape[1]
    embedding = torch.nn.EmbeddingBag(words, params.dimensions, mode="sum", sparse=True, device=device)
    gains = torch.nn.EmbeddingBag(words, 1, mode="sum", sparse=True, device=device)
    torch.nn.init.normal_(embedding.weight, std=params.dimensions**-0.5)
    torch.nn.init.zeros_(gains.weight)
    optimizer = torch.optim.SparseAdam([embedding.weight, gains.weight], lr=params.learning_rate)
    held_out = held_out.take(np.sort(rng.permutation(len(held_out.group))[:_MOST_HELD_OUT]))
    best = untrained = _judge(_join(embedding, gains), held_out)
    vectors, best_epoch, epoch = _join(embedding, gains), 0, 0
    for epoch in range(1, params.epochs + 1):
        order = rng.permutation(len(pairs.group))
        for start in range(0, len(order), params.batch_size):
            batch = pairs.take(order[start : start + params.batch_size])
            optimizer.zero_grad()
            left, right = (_embed(side, embedding, gains, params.word_dropout) for side in (batch.left, batch.right))
            loss = _lose(left, right, torch.as_tensor(batch.group, device=device), params.temperature)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()  # type: ignore[no-untyped-call]
        found = _judge(_join(embedding, gains), held_out)
        logger.info("encoder, epoch %d: mean reciprocal rank of held-out pairs %.3f", epoch, found)
        if found > best:
            vectors, best, best_epoch = _join(embedding, gains), found, epoch
        elif epoch - best_epoch >= params.patience:
            break
    report = {"epochs": epoch, "best_epoch": best_epoch, "mrr_untrained": untrained, "mrr": best, "device": device}
    return Learned(vectors, report)


def _embed(counts: csr_array, embedding: torch.nn.EmbeddingBag, gains: torch.nn.EmbeddingBag, dropout: float) -> Tensor:
    import torch
    from torch.nn import functional

    device = embedding.weight.device
    numbers = torch.as_tensor(counts.indices, dtype=torch.int64, device=device)
    starts = torch.as_tensor(counts.indptr[:-1], dtype=torch.int64, device=device)
    weights = torch.as_tensor(counts.data, device=device)
    own = gains(numbers, torch.arange(len(numbers), device=device)).squeeze(1).exp()
    weights = functional.dropout(weights, dropout) * own
    return functional.normalize(embedding(numbers, starts, per_sample_weights=weights))


def _lose(left: Tensor, right: Tensor, group: Tensor, temperature: float) -> Tensor:
    import torch
    from torch.nn import functional

    scores = left @ right.T / temperature
    same = group[:, None] == group[None, :]
    same.fill_diagonal_(fill_value=False)
    scores = scores.masked_fill(same, -torch.inf)
    right_ones = torch.arange(len(scores), device=scores.device)
    return functional.cross_entropy(scores, right_ones) + functional.cross_entropy(scores.T, right_ones)


def _join(embedding: torch.nn.EmbeddingBag, gains: torch.nn.EmbeddingBag) -> NDArray[np.float32]:
    joined = (embedding.weight * gains.weight.exp()).detach().cpu().numpy()
    return np.array(joined, dtype=np.float32)


def _judge(vectors: NDArray[np.float32], pairs: TextPairs) -> float:
    """Give the mean reciprocal rank of the right texts among those of all pairs; others of the group do not count."""
    if not len(pairs.group):
        return 0.0
    sides = [_scale(np.asarray(side @ vectors)) for side in (pairs.left, pairs.right)]
    scores = sides[0] @ sides[1].T
    own = scores.diagonal()[:, None]
    # Written so that no number at all is the worst: of training that went astray nothing is to be kept.
    ahead = ~(scores < own) & (pairs.group[:, None] != pairs.group[None, :])
    return float((1 / (1 + ahead.sum(axis=1))).mean())


def _scale(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9), dtype=np.float32)
