"""Makes a component of app.py: `.venv/bin/python build.py`."""

import pathlib
import subprocess
import sys

componentize = pathlib.Path(sys.executable).parent / "componentize-py"
pathlib.Path("build").mkdir(exist_ok=True)
command = [componentize, "-d", "wit", "-w", "plugin", "componentize", "app", "-o", "build/plugin.wasm"]
sys.exit(subprocess.run(command, check=False).returncode)
