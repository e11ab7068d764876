"""Adversarial picture translation, as far as several papers share it.

``stargan`` holds the generator of StarGAN, ``critics`` its discriminator and one in two parts,
``losses`` the adversarial and consistency losses, ``training`` one update of each network, ``loop``
what training loops share, ``small`` what small trainings need. ``pictures`` and ``data`` are
rendered faces as they take them, ``evaluation`` sets edits beside the true ones, ``wild`` edits
photographs, ``figures`` is what notebooks draw. ``cyclegan``, ``icgan`` and ``gannotation`` are
other translators, and the files named after them with ``_run``, StarGAN's too, their trainings.
GANimation and geometry-guided synthesis build on all this (`facelab.papers.ganimation`,
`facelab.papers.geometry`).
"""
