"""GANimation: parameter counts, composition, losses against plain formulas, what is measured."""

import doctest
from functools import partial

import pandas as pd
import pytest
import torch

from facelab import claims, published, verdicts
from facelab.faces import UNITS
from facelab.gan.critics import Discriminator
from facelab.gan.training import critic_step, descend, total
from facelab.papers.ganimation import losses, measures, model, training
from facelab.papers.ganimation.losses import CODE, PAPER
from facelab.papers.ganimation.model import Generator, compose, initialise


def _count(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def _small() -> tuple[Generator, Discriminator]:
    torch.manual_seed(0)
    critic = Discriminator(labels=3, size=16, width=4, layers=3)
    return Generator(units=3, width=4, blocks=1), critic


@pytest.mark.parametrize("module", [model, losses, training, measures])
def test_docstring_examples_run(module):
    assert doctest.testmod(module).failed == 0


def test_parameter_counts_are_the_codes():
    assert _count(Generator(units=17)) == 8_471_296
    with torch.device("meta"):
        assert _count(Discriminator(labels=17, size=128)) == 44_860_352


def test_edit_is_composed_within_its_bounds():
    generator, _ = _small()
    images = 2.0 * torch.rand(2, 3, 16, 16) - 1.0
    edit = generator(images, torch.rand(2, 3))
    assert edit.image.shape == edit.colour.shape == images.shape
    assert edit.attention.shape == (2, 1, 16, 16)
    assert 0.0 <= edit.attention.min() <= edit.attention.max() <= 1.0
    plain = (1 - edit.attention) * edit.colour + edit.attention * images
    torch.testing.assert_close(edit.image, plain)
    low, high = torch.minimum(edit.colour, images), torch.maximum(edit.colour, images)
    assert (edit.image >= low - 1e-6).all()
    assert (edit.image <= high + 1e-6).all()


def test_attention_of_one_keeps_the_input_and_of_zero_takes_the_colours():
    images, colour = torch.rand(1, 3, 4, 4), torch.rand(1, 3, 4, 4)
    assert torch.equal(compose(colour, torch.ones(1, 1, 4, 4), images), images)
    assert torch.equal(compose(colour, torch.zeros(1, 1, 4, 4), images), colour)


@pytest.mark.parametrize("kept", [0.2, 0.8])
def test_attention_starts_where_it_is_told(kept):
    torch.manual_seed(0)
    generator = Generator(units=3, width=4, blocks=1, kept=kept)
    attention = generator(torch.rand(1, 3, 16, 16), torch.rand(1, 3)).attention
    assert attention.mean().item() == pytest.approx(kept, abs=0.05)
    with pytest.raises(ValueError, match="between 0 and 1"):
        Generator(units=3, kept=1.0)


def test_initial_weights_are_those_of_the_code():
    critic = Discriminator(labels=3, size=16, width=16, layers=3)
    torch.manual_seed(0)
    initialise(critic)
    assert critic.body[2].weight.std().item() == pytest.approx(model.DEVIATION, rel=0.05)


def test_attention_loss_is_the_plain_formula():
    torch.manual_seed(0)
    A = torch.rand(3, 1, 5, 4, dtype=torch.float64)
    down, right = A[:, :, 1:] - A[:, :, :-1], A[..., 1:] - A[..., :-1]
    squares = (down**2).sum() + (right**2).sum()
    absolute = down.abs().sum() + right.abs().sum()
    roots = (A**2).sum(dim=(1, 2, 3)).sqrt()
    printed = losses.attention_loss(A, variation=1e-4, norm="euclidean", kind="squares")
    torch.testing.assert_close(printed, 1e-4 * squares / 3 + roots.mean())
    coded = losses.attention_loss(A, variation=1e-4, norm="mean", kind="absolute")
    torch.testing.assert_close(coded, 1e-4 * absolute / 3 + A.mean())
    with pytest.raises(ValueError, match="euclidean or mean"):
        losses.attention_loss(A, variation=0.0, norm="l1")


def test_units_and_identity_losses_are_the_plain_formulas():
    torch.manual_seed(0)
    read, units = torch.rand(3, 17), torch.rand(3, 17)
    squares = (read - units).square()
    torch.testing.assert_close(losses.units_loss(read, units, norm="sum"), squares.sum(1).mean())
    torch.testing.assert_close(losses.units_loss(read, units), squares.mean())
    a, b = torch.rand(3, 3, 4, 4), torch.rand(3, 3, 4, 4)
    each = (a - b).abs().sum(dim=(1, 2, 3))
    torch.testing.assert_close(losses.identity_loss(a, b, norm="sum"), each.mean())
    torch.testing.assert_close(losses.identity_loss(a, b), (a - b).abs().mean())
    with pytest.raises(ValueError, match=r"expected units \(3, 17\), got \(3, 16\)"):
        losses.units_loss(read, units[:, :16])
    with pytest.raises(ValueError, match="sum or mean"):
        losses.identity_loss(a, b, norm="max")


def test_the_codes_weights_are_its_own_arithmetic_at_a_batch_of_25():
    torch.manual_seed(0)
    read, units, A = torch.rand(25, 17), torch.rand(25, 17), torch.rand(25, 1, 8, 8)
    theirs = torch.nn.functional.mse_loss(read, units) / 25 * 4000
    torch.testing.assert_close(CODE.units * losses.units_loss(read, units), theirs)
    absolute = (A[:, :, 1:] - A[:, :, :-1]).abs().sum() + (A[..., 1:] - A[..., :-1]).abs().sum()
    theirs = 0.1 * A.mean() + 1e-5 * absolute
    ours = losses.attention_loss(A, variation=CODE.variation)
    torch.testing.assert_close(CODE.attention * ours, theirs)


def test_printed_weights_are_the_published_ones_and_how_far_the_code_is_from_them():
    frame = pd.read_csv(published.PAPERS / "ganimation/published/protocol.csv")
    number = frame.set_index("row")["value"]
    names = {"lambda_gp": "penalty", "lambda_A": "attention", "lambda_TV": "variation",
             "lambda_y": "units", "lambda_idt": "identity"}  # fmt: skip
    for name, field in names.items():
        assert getattr(PAPER, field) == number[name]
    flat, size = torch.full((1, 1, 128, 128), 0.5), 128
    printed = losses.attention_loss(flat, variation=0.0, norm="euclidean")
    assert (printed / losses.attention_loss(flat, variation=0.0)).item() == size
    assert PAPER.units * 17 / CODE.units == 425
    assert 3 * size * size == 49_152


@pytest.mark.parametrize("weights", [CODE, PAPER])
def test_one_update_of_both_networks(weights):
    generator, critic = _small()
    update_g = torch.optim.Adam(generator.parameters(), lr=1e-4)
    update_d = torch.optim.Adam(critic.parameters(), lr=1e-4)
    images, own = 2.0 * torch.rand(2, 3, 16, 16) - 1.0, torch.rand(2, 3)
    asked = training.wanted(own)
    edit = generator(images, asked)
    before = [p.clone() for p in (*generator.parameters(), *critic.parameters())]
    read = critic_step(
        critic, update_d, images, edit.image, own, apart=weights.apart,
        reads=partial(losses.units_loss, norm=weights.units_norm),
        weights=training.critic_weights(weights),
    )  # fmt: skip
    terms = training.generator_terms(
        generator, critic, images, edit, own=own, wanted=asked, weights=weights
    )
    back = generator(edit.image, own)
    both = [losses.attention_loss(A, variation=weights.variation, norm=weights.attention_norm,
                                  kind=weights.variation_kind)
            for A in (edit.attention, back.attention)]  # fmt: skip
    torch.testing.assert_close(terms["attention"], sum(both))
    torch.testing.assert_close(
        terms["units"],
        losses.units_loss(critic(edit.image).labels, asked, norm=weights.units_norm),
    )
    descend(update_g, total(terms, weights))
    after = (*generator.parameters(), *critic.parameters())
    assert all((a != b).any() for a, b in zip(after, before, strict=True))
    assert all(torch.isfinite(value) for value in (*terms.values(), *read.values()))


def test_wanted_units_are_other_pictures_and_stay_in_range():
    torch.manual_seed(0)
    units = torch.rand(8, 17)
    clean = training.wanted(units, noise=0.0)
    rows = [(clean[i] == units).all(dim=1).nonzero().item() for i in range(8)]
    assert all(row != i for i, row in enumerate(rows))
    noisy = training.wanted(units)
    assert 0.0 <= noisy.min() <= noisy.max() <= 1.0
    assert training.wanted(units[:1]).shape == (1, 17)


def test_saturation_tells_copying_from_redrawing():
    half = torch.cat([torch.ones(1, 1, 4, 2), torch.zeros(1, 1, 4, 2)], dim=3)
    found = measures.saturation(torch.cat([torch.full((1, 1, 4, 4), 0.5), half]))
    assert found.mean.tolist() == [0.5, 0.5]
    assert found.copied.tolist() == [0.0, 0.5]
    assert found.redrawn.tolist() == [0.0, 0.5]
    assert found.spread.tolist() == [0.0, 0.5]
    with pytest.raises(ValueError, match=r"\(B, 1, H, W\)"):
        measures.saturation(torch.ones(1, 3, 4, 4))
    with pytest.raises(ValueError, match="1/2"):
        measures.saturation(half, margin=0.7)


def test_energy_outside_a_region():
    before, after = torch.zeros(2, 3, 2, 2), torch.zeros(2, 3, 2, 2)
    after[0, :, 0, 0], after[0, :, 1, 1] = 0.5, 1.0
    region = measures.changed(before, after, threshold=0.8)
    assert region[0].tolist() == [[False, False], [False, True]]
    assert measures.energy_outside(before, after, region).tolist() == pytest.approx([0.2, 0.0])
    with pytest.raises(ValueError, match="expected region"):
        measures.energy_outside(before, after, region[:, :1])


def test_register_and_published_numbers_load():
    register = claims.read("ganimation")
    assert len(register.claims) >= 8
    effects = {c.id: verdicts.paper_effect(register, c) for c in register.claims}
    assert all(99 < effect <= 100 for effect in effects.values())
    asked = {row for table, row, _ in register.numbers if table == "fig-4"}
    assert len(asked) == 9
    assert asked <= set(UNITS)
    for (table, _, column), (value, _) in register.numbers.items():
        if table == "fig-4":
            assert value == float(column)


def test_a_critic_that_resists_learns_that_edits_show_their_sources_units():
    own, labels = torch.rand(4, 17), torch.rand(4, 17)
    weights = CODE.model_copy(update={"resisting": 0.25, "reading": 3.0})
    found = training.resists(labels, own=own, weights=weights)
    torch.testing.assert_close(found, 0.25 * (labels - own).square().mean())
    assert training.critic_weights(weights).classification == 3.0
    assert training.critic_weights(CODE).classification == CODE.units
