"""3D Dense Geometry-Guided Facial Expression Synthesis by Adversarial Learning (Bodur, Bhattarai,
Kim; WACV 2021).

``model`` holds the network between pictures and their geometry, ``losses`` the equations with every
choice that the paper leaves open as a named setting, ``training`` the terms of one update. ``sets``
says who is in the two data sets, ``reconstruction`` stands in for the off-the-shelf 3D
reconstruction and its clean-up, and ``data`` brings both together, with the true answers.
``pretraining`` and ``run`` are the trainings, made of ``options``; ``experiments`` lists those of
each table, ``evaluation`` measures a method, ``rows`` all of them, ``tables`` are the paper's and
``beyond`` those of the true answer. ``published/*.csv`` are the paper's numbers, and ``claims``
what ours say to them. The RGB networks are StarGAN's, `facelab.gan.stargan`. ``figures``, ``toys``,
``inference`` and ``readings`` are what the notebook draws, works through, asks of trained networks,
and says of its tables.
"""
