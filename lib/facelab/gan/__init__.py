"""Adversarial picture translation, as far as several papers share it.

``stargan`` holds the generator and the discriminator of StarGAN, ``losses`` the adversarial and
consistency losses, ``training`` one update of each network, ``pictures`` rendered faces as they
take them, ``small`` what small trainings need, ``figures`` what notebooks draw. GANimation
and geometry-guided synthesis build on them (`facelab.papers.ganimation`,
`facelab.papers.geometry`), and StarGAN is their common baseline.
"""
