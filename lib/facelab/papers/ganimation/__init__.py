"""GANimation (Pumarola, Agudo, Martinez, Sanfeliu, Moreno-Noguer; ECCV 2018, arXiv 1807.09251).

``model`` holds the generator with its two heads, ``losses`` the four losses with the paper's and
the code's weights, ``training`` the terms of one update, ``measures`` what is measured of an edit,
and ``published/*.csv`` the numbers that the paper prints. The critic is
`facelab.gan.critics.Discriminator`, whose label head reads units.
"""
