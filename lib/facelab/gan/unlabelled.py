"""The shared networks where there is no label: CycleGAN's domains and GANnotation's maps."""

from torch import Tensor

from facelab.gan.stargan import Residual, Trunk


def features(trunk: Trunk, inputs: Tensor) -> Tensor:
    """The features of a trunk of which every input is a picture, and none a label to be tiled.

    Args:
        trunk: without labels in its residual blocks.
        inputs: (B, trunk's inputs, H, W), H and W multiples of 4.

    Returns:
        (B, width, H, W).
    """
    x, none = inputs, inputs.new_zeros(len(inputs), 0)
    for layer in trunk.layers:
        x = layer(x, none) if isinstance(layer, Residual) else layer(x)
    return x


def unread(logits: Tensor, labels: Tensor) -> Tensor:
    """The loss of a label head that has nothing to read, for `training.critic_step`: zero.

    Args:
        logits, labels: of any shape.
    """
    return logits.new_zeros(())
