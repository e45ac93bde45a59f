"""A stand-in for the Pulumi CLI: a script that does what its first words say, and nothing else."""

import sys
from pathlib import Path

from byoc_infra.engine import Toolchain

SCRIPT = """#!{python}
import json, os, signal, sys, time
said = [word for word in sys.argv[1:] if not word.startswith("-")]
log = {log!r}
def note(text):
    with open(log, "a") as file:
        file.write(text + "\\n")
note("run " + " ".join(said[:2]))
if os.environ.get("FAKE_SLOW"):
    def stop(*_):
        note("SIGINT")
        if os.environ["FAKE_SLOW"] == "polite":
            sys.exit(255)
    signal.signal(signal.SIGINT, stop)
    note("pid " + str(os.getpid()))
    until = time.time() + 30
    while time.time() < until:
        time.sleep(0.05)
if os.environ.get("FAKE_ERROR"):
    sys.stderr.write(os.environ["FAKE_ERROR"])
    sys.exit(255)
print(json.dumps({{"cwd": os.getcwd(), "seen": sorted(os.environ)}}))
"""


def install(folder: Path) -> Toolchain:
    """Write it; what it does is noted in `folder/log`."""
    script = folder / "pulumi"
    script.write_text(SCRIPT.format(python=sys.executable, log=str(folder / "log")))
    script.chmod(0o755)
    (folder / "log").touch()
    return Toolchain(path=script, version="v3.250.0", how="PATH")
