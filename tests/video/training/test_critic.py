"""The critic learns to tell a style from other pictures, and its features compare textures, not places."""

from __future__ import annotations

import numpy as np
import torch

from triptych.video.training.critic import Critic, critic_loss, fooling_loss, gram, gram_loss


def stripes(period: int, across: bool, count: int = 2) -> torch.Tensor:
    wave = (torch.arange(96) // period % 2).float()
    rows = wave[:, None].expand(96, 96)
    return (rows.T if across else rows).expand(count, 3, 96, 96).contiguous()


def test_the_gram_matrix_is_that_of_numpy() -> None:
    features = torch.rand(2, 3, 4, 5)
    flat = features.numpy().transpose(1, 0, 2, 3).reshape(3, -1).astype(np.float64)
    expected = sum(np.outer(column, column) for column in flat.T) / flat.shape[1]
    assert np.allclose(gram(features), expected, atol=1e-5)


def test_it_learns_to_tell_two_textures_apart() -> None:
    torch.manual_seed(0)
    critic = Critic()
    optimizer = torch.optim.Adam(critic.parameters(), 1e-3)
    real, painted = stripes(4, across=False), stripes(4, across=True)
    first = float(critic_loss(critic(real), critic(painted)).detach())
    for _ in range(40):
        optimizer.zero_grad()
        loss = critic_loss(critic(real), critic(painted))
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert float(loss.detach()) < 0.2 * first
    with torch.no_grad():
        assert float(fooling_loss(critic(real))) < -2  # taken for real at all three scales
        assert float(fooling_loss(critic(painted))) > 2


def test_the_hinge_loss_asks_for_a_margin_of_one() -> None:
    opinion = Critic()(torch.rand(2, 3, 64, 64))
    sure = [torch.full_like(verdict, 1.5) for verdict in opinion.verdicts]
    unsure = [torch.zeros_like(verdict) for verdict in opinion.verdicts]
    yes, no, either = (
        type(opinion)(verdicts, opinion.features) for verdicts in (sure, [-verdict for verdict in sure], unsure)
    )
    assert float(critic_loss(yes, no)) == 0
    assert float(critic_loss(either, either)) == 6  # 1 + 1 at each of three scales
    assert float(critic_loss(no, yes)) == 15


def test_features_tell_textures_and_not_places() -> None:
    torch.manual_seed(0)
    critic = Critic().eval()

    def measure(one: torch.Tensor) -> float:
        with torch.no_grad():
            return float(gram_loss(critic(one).features, critic(stripes(4, across=False)).features))

    moved = measure(torch.roll(stripes(4, across=False), 8, 2))
    assert measure(stripes(4, across=False)) < 1e-5
    assert moved < 0.1 * measure(stripes(4, across=True))
    assert moved < 0.1 * measure(stripes(12, across=False))


def test_no_gradient_flows_into_the_style() -> None:
    critic = Critic()
    style = critic(torch.rand(1, 3, 64, 64).requires_grad_())
    painted = torch.rand(1, 3, 64, 64, requires_grad=True)
    features = critic(painted).features
    gram_loss(features, style.features).backward()  # type: ignore[no-untyped-call]
    assert painted.grad is not None
    assert float(painted.grad.abs().sum()) > 0
