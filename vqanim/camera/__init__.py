"""The camera: numbers of a step -> matrix (numpy) -> field and one resampling of a picture (torch).

Importing this room imports no torch; `vqanim.camera.warp` does.
"""
