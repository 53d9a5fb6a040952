"""The loss against values computed by hand, and the pairs it leaves out."""

import math

import pytest
import torch

from train.contrastive import cap_temperature, choice_loss, contrastive_loss


def test_loss_is_the_mean_of_both_directions() -> None:
    texts = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    images = torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    scale = torch.tensor(math.log(2.0))
    # logits: text 0 = (2, 1.2), text 1 = (0, 1.6)
    to_images = (math.log(1 + math.exp(1.2 - 2.0)) + math.log(1 + math.exp(0.0 - 1.6))) / 2
    to_texts = (math.log(1 + math.exp(0.0 - 2.0)) + math.log(1 + math.exp(1.2 - 1.6))) / 2
    loss = contrastive_loss(texts, images, scale, own=torch.tensor([0, 1]), true_of=torch.eye(2, dtype=torch.bool))
    assert float(loss) == pytest.approx((to_images + to_texts) / 2, abs=1e-6)


def test_a_text_that_is_true_of_another_picture_is_not_its_negative() -> None:
    images = torch.nn.functional.normalize(torch.randn(3, 4, generator=torch.Generator().manual_seed(0)), dim=1)
    texts = torch.stack([images[0], images[0], images[2]])  # products 0 and 1 have one text
    true_of = torch.tensor([[True, True, False], [True, True, False], [False, False, True]])
    scale = torch.tensor(1.0)

    def loss(pictures: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return contrastive_loss(texts, pictures, scale, own=torch.arange(3), true_of=mask)

    pictures = images.clone().requires_grad_()
    loss(pictures, true_of).backward()
    logits = math.e * texts @ images.T
    # By hand: text 0 chooses between pictures 0 and 2 only, and picture 0 between texts 0 and 2 only.
    pick = [(0, [0, 2]), (1, [1, 2]), (2, [0, 1, 2])]
    by_hand = sum(-(logits[i, i] - logits[i, rivals].logsumexp(0)) for i, rivals in pick)
    by_hand += sum(-(logits[i, i] - logits[rivals, i].logsumexp(0)) for i, rivals in pick)
    assert float(loss(images, true_of)) == pytest.approx(float(by_hand) / 6, abs=1e-6)
    assert float(loss(images, torch.eye(3, dtype=torch.bool))) > float(loss(images, true_of)) + 0.05


def test_pictures_without_a_text_are_negatives_of_the_others() -> None:
    texts = torch.tensor([[1.0, 0.0]])
    images = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    loss = contrastive_loss(
        texts, images, torch.tensor(0.0), own=torch.tensor([1]), true_of=torch.tensor([[False, True]])
    )
    # text to pictures: logits (0, 1), the second is right; picture to texts: one text only, nothing to choose
    assert float(loss) == pytest.approx(math.log(1 + math.exp(-1.0)) / 2, abs=1e-6)


def test_the_temperature_is_capped_in_place() -> None:
    scale = torch.nn.Parameter(torch.tensor(math.log(250.0)))
    cap_temperature(scale)
    assert float(scale.detach().exp()) == pytest.approx(100.0)


def test_choice_loss_by_hand() -> None:
    images = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    texts = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    loss = choice_loss(images, texts, torch.tensor(math.log(2.0)), own=torch.tensor([0, 2]))
    first = -math.log(math.exp(2) / (math.exp(2) + 1 + math.exp(-2)))
    second = -math.log(1 / (1 + math.exp(2) + 1))
    assert loss.item() == pytest.approx((first + second) / 2, rel=1e-5)
