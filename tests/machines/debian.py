"""Root folders and kernels out of Debian packages, for any suite and architecture, without running anything of them.

`mmdebstrap` fetches from the mirror that apt is configured with and only unpacks: no package script runs, so a foreign
architecture needs no emulator. It deliberately makes no bootable disk: `machine.py` boots a folder from memory.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from o1coder.errors import LabError

PACKAGES = ("base-files", "busybox-static", "python3", "python3-pytest", "python3-numpy", "linux-libc-dev")
UNUSED = ("boot", "usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale", "var/lib/apt", "var/cache")
TRIPLETS = {"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}


@dataclass(frozen=True)
class System:
    """A root folder with a Python in it."""

    suite: str
    architecture: str
    root: Path

    @property
    def python(self) -> str:
        """The folder of the standard library, as the system sees it without the leading slash."""
        [folder] = [path for path in (self.root / "usr/lib").glob("python3.*") if (path / "os.py").exists()]
        return str(folder.relative_to(self.root))


def mirror() -> str:
    """The main archive that apt uses here. LabError when apt has none of Debian's."""
    asked = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(COMPONENT) $(CODENAME)", "Created-By: Packages"],
        check=True,
        capture_output=True,
        text=True,
    )
    for line in asked.stdout.splitlines():
        address, component, codename = line.split(" ", 2)
        if component == "main" and codename.isalpha() and "debian" in address:
            return address
    raise LabError("apt has no main archive of a Debian suite", "run apt-get update on a Debian machine")


def unpack(suite: str, architecture: str, packages: tuple[str, ...], folder: Path) -> None:
    """Unpack packages and all they depend on into a new folder. LabError when the mirror lacks something."""
    made = folder.with_name(folder.name + ".new")
    shutil.rmtree(made, ignore_errors=True)
    done = subprocess.run(
        ["mmdebstrap", "--quiet", "--variant=extract", f"--architectures={architecture}", "--format=directory"]
        + [f"--include={','.join(packages)}", suite, str(made), mirror()],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
    )
    if done.returncode:
        raise LabError(f"{suite} {architecture}: {done.stderr.strip()[-500:]}", "see tests/machines/README.md")
    made.rename(folder)


def system(suite: str, architecture: str, native: str, work: Path) -> System:
    """The system of a suite, made on first use. `native` is the architecture that this machine can execute."""
    root = work / f"{suite}-{architecture}"
    made = System(suite, architecture, root)
    if not root.exists():
        unpack(suite, architecture, PACKAGES, root)
        for name in UNUSED:
            shutil.rmtree(root / name, ignore_errors=True)
        link_libraries(root / "usr/lib" / TRIPLETS[architecture])
        if architecture == native:
            compile_library(made)
        else:
            copy_bytecode(system(suite, native, native, work), made)
    return made


def kernel(suite: str, architecture: str, name: str, work: Path) -> Path:
    """The image of the kernel that the package linux-image-NAME brings, fetched on first use."""
    image = work / f"{suite}-{name}.kernel"
    if not image.exists():
        folder = work / "kernel"
        shutil.rmtree(folder, ignore_errors=True)
        unpack(suite, architecture, (f"linux-image-{name}",), folder)
        [found] = (folder / "boot").glob("vmlinu*")
        shutil.copyfile(found, image)
        shutil.rmtree(folder)
    return image


def link_libraries(folder: Path) -> None:
    """Choose the only alternative there is, as the packages' scripts would have: NumPy's linear algebra."""
    for name in ("blas/libblas.so.3", "lapack/liblapack.so.3"):
        link = folder / Path(name).name
        if not link.is_symlink():
            link.symlink_to(name)


def compile_library(made: System) -> None:
    """Do what the packages' scripts would have: bytecode beside the sources, valid whatever the files' dates are."""
    command = ["/usr/bin/python3", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    folders = [f"/{made.python}", "/usr/lib/python3/dist-packages"]
    subprocess.run(["chroot", str(made.root), *command, *folders], check=True, timeout=600)


def copy_bytecode(source: System, target: System) -> None:
    """Bytecode is the same on every processor: take what the native system of the same suite compiled."""
    for name in (source.python, "usr/lib/python3/dist-packages"):
        for file in (source.root / name).rglob("__pycache__/*.pyc"):
            here = target.root / file.relative_to(source.root)
            text = here.parent.with_name(f"{file.name.split('.')[0]}.py")
            if text.exists() and text.read_bytes() == (file.parents[1] / text.name).read_bytes():
                here.parent.mkdir(exist_ok=True)
                shutil.copyfile(file, here)
