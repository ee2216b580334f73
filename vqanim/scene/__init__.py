"""What the user wrote, as frozen data: the scene language, its curves and times, and the loader. No torch.

load_scene("mordor.yaml") -> Scene, or SceneError with every mistake at once
dump_scene(scene) -> YAML text of an equal scene
describe_fields() -> every field with what it means, takes, and is by default
"""

from vqanim.scene.dump import dump_scene
from vqanim.scene.loader import load_scene, load_scene_text
from vqanim.scene.model import Scene, Shot
from vqanim.scene.schema import FieldInfo, describe_fields

__all__ = ["FieldInfo", "Scene", "Shot", "describe_fields", "dump_scene", "load_scene", "load_scene_text"]
