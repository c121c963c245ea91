"""Where base datasets are written before they are moved to their place."""

# Manifests of branches hold the absolute path of their dataset. Every base is written at a
# path of one length, so that a copy elsewhere can have its own path put in place of it.
PATH_LENGTH = 100
STAGE = "/tmp/lance-reference-stage-"
STAGE += "x" * (PATH_LENGTH - len(STAGE))
