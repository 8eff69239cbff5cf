from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from triptych.shelf.model.sampling import SeededSampler, draw_on_device

LABELS = st.lists(st.lists(st.sampled_from([-1, 0, 1, 2]), max_size=60), min_size=1, max_size=4)


@given(LABELS, st.integers(1, 40), st.sampled_from([0.25, 0.5]))
def test_draws_are_counted_and_of_the_right_kind(labels: list[list[int]], size: int, share: float) -> None:
    sampler = SeededSampler(size, share)
    sampler.seed(list(range(len(labels))))
    photos = [torch.tensor(photo, dtype=torch.int64) for photo in labels]
    positives, negatives = sampler(photos)
    for photo, positive, negative in zip(photos, positives, negatives, strict=True):
        assert (photo[positive.bool()] >= 1).all()
        assert (photo[negative.bool()] == 0).all()
        assert int(positive.sum()) == min(int(size * share), int((photo >= 1).sum()))
        assert int(negative.sum()) == min(size - int(positive.sum()), int((photo == 0).sum()))
    assert sampler.positive == sum(int(mask.sum()) for mask in positives)
    assert sampler.sampled == sampler.positive + sum(int(mask.sum()) for mask in negatives)


def test_a_photo_is_drawn_alike_whatever_its_neighbours() -> None:
    photo, other = torch.arange(100) % 2, torch.ones(50, dtype=torch.int64)
    sampler = SeededSampler(10, 0.5)
    sampler.seed([7])
    alone = sampler([photo])[0][0]
    sampler.seed([3, 7])
    together = sampler([other, photo])[0][1]
    sampler.seed([8])
    assert torch.equal(alone, together)
    assert not torch.equal(alone, sampler([photo])[0][0])


def test_a_seed_serves_one_call() -> None:
    photo = torch.zeros(1000, dtype=torch.int64)
    sampler = SeededSampler(10, 0.5)
    sampler.seed([7])
    first, second = (sampler([photo])[1][0] for _ in range(2))
    assert not torch.equal(first, second)


@given(LABELS, st.integers(1, 80), st.sampled_from([0.25, 0.5]))
def test_a_draw_on_the_device_is_as_large_and_of_the_right_kind(
    labels: list[list[int]], size: int, share: float
) -> None:
    for seed, photo in enumerate(torch.tensor(each) for each in labels):
        positive, negative, counts = draw_on_device(photo, int(size * share), size, seed)
        assert (photo[positive.bool()] >= 1).all()
        assert (photo[negative.bool()] == 0).all()
        assert int(positive.sum()) == int(counts[0]) == min(int(size * share), int((photo >= 1).sum()))
        assert int(negative.sum()) == int(counts[1]) == min(size - int(counts[0]), int((photo == 0).sum()))
        assert torch.equal(draw_on_device(photo, int(size * share), size, seed)[1], negative)


def test_a_draw_on_the_device_is_fair() -> None:
    """Each of 20 is among 5 in a quarter of 2000 draws, give or take five standard errors."""
    photo = torch.tensor([0, -1] * 20)
    drawn = torch.stack([draw_on_device(photo, 0, 5, seed)[1] for seed in range(2000)]).double().mean(dim=0)
    assert (drawn[1::2] == 0).all()
    assert (drawn[::2] - 0.25).abs().max() < 5 * (0.25 * 0.75 / 2000) ** 0.5
