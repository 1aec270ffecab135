"""``python -m tour FOLDER``: run by the launcher beside an open sandbox."""

import os
import sys
from pathlib import Path

from .camera import Camera, Darkroom
from .scenes import SCENES


def main(folder: Path) -> None:
    with Darkroom(f"http://127.0.0.1:{os.environ['SANDBOX_PORT']}", folder) as darkroom:
        for scene in SCENES:
            camera = Camera(darkroom, scene.user)
            scene.play(camera)
            for picture in camera.shoot(scene.name, scene.height, scene.top):
                print(picture.name, f"{picture.stat().st_size / 1000:.0f} kB", flush=True)


main(Path(sys.argv[1]))
