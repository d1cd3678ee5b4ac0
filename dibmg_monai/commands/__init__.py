"""The commands of ``python -m dibmg_monai``, a module each: ``add`` adds its arguments, ``run`` runs it."""
