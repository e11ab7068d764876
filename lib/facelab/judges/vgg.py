"""VGG-Face (Parkhi et al., BMVC 2015), for those who have its weights in a local safetensors file.

    face = vgg.load("vgg_face.safetensors")
    distances.fid(real, fake, face)                  # or identity_distance of face(images)

The architecture is VGG-16's: thirteen 3x3 convolutions in five groups, three linear layers. Names
in the file are those of the paper's own release, `conv1_1.weight` to `fc7.bias`; the last layer,
fc8 (which of 2,622 people), is not used. Nothing is fetched, and nobody here has tried the real
weights: their licence does not let us pass them on.
"""

from pathlib import Path

import safetensors.torch
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facelab import FacelabError

GROUPS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # channels, convolutions
MEAN = (129.1863, 104.7624, 93.5940)  # r, g, b of the training pictures, in 0-255


class VGGFace(nn.Module):
    """VGG-16 up to fc7: pictures in [0, 1] to 4096 numbers.

    Args:
        groups: channels and convolutions of each group.
        hidden: outputs of fc6 and fc7.
        size: to which pictures are brought, 224 in the paper.

    >>> network = VGGFace(groups=((4, 1), (8, 2)), hidden=16, size=32)
    >>> tuple(network(torch.rand(2, 3, 48, 48)).shape)
    (2, 16)
    """

    def __init__(
        self,
        *,
        groups: tuple[tuple[int, int], ...] = GROUPS,
        hidden: int = 4096,
        size: int = 224,
    ):
        super().__init__()
        self.size, self.groups, self.num_features = size, groups, hidden
        inputs = 3
        for number, (channels, count) in enumerate(groups, 1):
            for layer in range(1, count + 1):
                self.add_module(f"conv{number}_{layer}", nn.Conv2d(inputs, channels, 3, padding=1))
                inputs = channels
        last = size // 2 ** len(groups)
        self.fc6 = nn.Linear(inputs * last**2, hidden)
        self.fc7 = nn.Linear(hidden, hidden)

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) in [0, 1] to (N, hidden), not negative."""
        x = F.interpolate(
            images, (self.size, self.size), mode="bilinear", antialias=True, align_corners=False
        )
        mean = torch.tensor(MEAN, dtype=x.dtype, device=x.device).view(1, 3, 1, 1)
        x = 255.0 * x - mean  # (N, 3, size, size)
        for number, (_, count) in enumerate(self.groups, 1):
            for layer in range(1, count + 1):
                x = F.relu(getattr(self, f"conv{number}_{layer}")(x))
            x = F.max_pool2d(x, 2)
        x = F.relu(self.fc6(x.flatten(1)))
        return F.relu(self.fc7(x))


def load(path: Path | str, network: VGGFace | None = None) -> VGGFace:
    """The network with the weights of a safetensors file, frozen.

    Args:
        path: of the file; tensors that the network does not have, such as fc8's, are passed over.
        network: another than the paper's, of the same kind.

    Raises:
        FacelabError: no such file, a tensor is missing, or has another shape; the message names
            file, tensor, what was expected and what came.
    """
    file = Path(path)
    if not file.is_file():
        raise FacelabError(f"{file}: no such file; VGG-Face's weights are not part of facelab")
    network = network or VGGFace()
    try:
        found = safetensors.torch.load_file(file)
    except (OSError, safetensors.SafetensorError) as error:
        raise FacelabError(f"{file}: not a safetensors file ({error})") from error
    wanted = network.state_dict()
    for name, tensor in wanted.items():
        if name not in found:
            raise FacelabError(f"{file}: no tensor {name}; expected one of {tuple(tensor.shape)}")
        if found[name].shape != tensor.shape:
            raise FacelabError(
                f"{file}: {name} is {tuple(found[name].shape)}, expected {tuple(tensor.shape)}"
            )
    network.load_state_dict({name: found[name] for name in wanted})
    return network.eval().requires_grad_(False)
