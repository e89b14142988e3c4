"""The runtime that runs models in a browser: onnxruntime-web, pinned.

Its files come from npm, once, by ``npm ci`` beside this file (``package-lock.json`` has
the hash of the package); no other step of a build needs a network. What is taken from
there is checked against the hashes below.
"""

import gzip
import hashlib
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
PACKAGE = HERE / "node_modules" / "onnxruntime-web"
FILES = {
    "dist/ort.wasm.bundle.min.mjs": (
        "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90"
    ),
    "dist/ort-wasm-simd-threaded.wasm": (
        "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2"
    ),
}


def install() -> None:
    """Fetch the pinned package with npm. Raises OSError or CalledProcessError."""
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(command, cwd=HERE, check=True, stdout=subprocess.DEVNULL)


def find(package: Path = PACKAGE) -> Path:
    """Return the package's folder. FileNotFoundError if it is not there, or another."""
    for name, digest in FILES.items():
        path = package / name
        if not path.exists():
            raise FileNotFoundError(
                f"{path} is missing: --install fetches onnxruntime-web with npm"
            )
        if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise FileNotFoundError(f"{path} is not of the pinned version: --install")
    return package


def copy(package: Path, target: Path) -> None:
    """Put into a site what its pages load; the large file zipped, as it is read."""
    target.mkdir()
    for name in FILES:
        content = (package / name).read_bytes()
        if name.endswith(".wasm"):
            path = target / f"{Path(name).name}.gz"
            path.write_bytes(gzip.compress(content, 9, mtime=0))
        else:
            # Its map of sources is for debuggers, and stays out.
            lines = content.splitlines(keepends=True)
            kept = [line for line in lines if not line.startswith(b"//# sourceMapping")]
            (target / Path(name).name).write_bytes(b"".join(kept))
