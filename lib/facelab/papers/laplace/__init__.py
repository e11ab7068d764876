"""Laplace Landmark Localization (Robinson, Li, Zhang, Fu, Tulyakov; ICCV 2019).

``model`` holds the two networks, ``losses`` the equations, ``run`` one training, ``experiments``
the runs behind every table and figure, ``inference`` the detector for users, and
``published/*.csv`` the paper's own numbers. The notebook ``10_laplace`` explains all of it.
"""
