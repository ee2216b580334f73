"""`vqanim doctor`: what this machine has of what a render needs."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from vqanim.cli.formatting import say

SIGNS = {"good": "ok", "note": "note", "fault": "FAULT"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def doctor(as_json: bool) -> int:
    """Look at what a render needs, and say what to do about what is missing.

    The exit code is 0 when the embedded models can render here; a GPU or official models that are missing
    are only worth a note. Else it is that of the worst fault: 3 for files, 4 for torch, 5 for ffmpeg or the
    disk.
    """
    from vqanim.api import examine

    findings = []
    for finding in examine():
        findings.append(finding)
        if as_json:
            continue
        say(f"{SIGNS[finding.state]:<5}  {finding.name:<9} {finding.detail}")
        if finding.remedy:
            say(f"{'':<17}-> {finding.remedy}")
    if as_json:
        say(json.dumps([asdict(finding) for finding in findings], indent=1))
    return max((finding.code for finding in findings if finding.state == "fault"), default=0)
