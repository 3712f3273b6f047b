"""The engine in C, which is optional: where it cannot be built, the one in Python runs. All else is in setup.cfg."""

import subprocess
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError

HERE = Path(__file__).parent


class Build(build_ext):
    """Writes the methods from the table first."""

    def build_extension(self, extension):
        """Builds the module."""
        written = Path(self.build_temp).resolve()
        written.mkdir(parents=True, exist_ok=True)
        extension.include_dirs.append(str(written))
        try:
            subprocess.run(
                [sys.executable, "-m", "autograd.c_methods", str(written / "methods.h")], cwd=HERE, check=True
            )
        except subprocess.CalledProcessError as error:
            raise CompileError(f"methods.h could not be written: {error}") from error
        self.force = True  # a build that is newer than the C text can be older than the table
        super().build_extension(extension)


exact = [] if sys.platform == "win32" else ["-O2", "-ffp-contract=off", "-fno-builtin-pow"]  # one reading of a formula
native = Extension(
    "autograd._native", ["autograd/_native.c"], extra_compile_args=exact, optional=True,
    define_macros=[("Py_LIMITED_API", "0x030A0000")], py_limited_api=True,
)  # fmt: skip
possible = sys.implementation.name == "cpython" and not sysconfig.get_config_var("Py_GIL_DISABLED")
setup(
    ext_modules=[native] if possible else [],
    cmdclass={"build_ext": Build},
    options={"bdist_wheel": {"py_limited_api": "cp310"}} if possible else {},
)
